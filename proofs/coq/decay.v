(* SN6 and SN19. The score blocks that the factorised gradient sees, at infinite length and r = 1/q = e^-c > 0.

   Everything is as in infinite_length.v: a law kappa of (word, next token), with sum 1, any set Lambda of L lags, and the
   formula of the blocks at infinite length. A block's size is |M| = sup |sum_(v,v') f(v,v') M[v,v']| over 0 <= f <= 1.
   It is a mean over all words in turn as the target (score_as_differences), so Lemma 1 (rotation.v) bounds it. With
   Gamma = 1 - (1 + (S-1) r)^-L, for 0 <= r,

       |M_ab|  <=  Gamma      for a + 1 in Lambda                                                   size_of_active_query
       |M_ab|  <=  2 Gamma    for b in Lambda                                                         size_of_active_key

   and as Gamma <= (S^L - 1) r for r <= 1, every entry of these blocks is at most 2 (S^L - 1) r, whatever the kernel.  decay

   By the chain rule (SN2) the gradient in Q and K is then O(sqrt(c) e^-c), and that in V is O(c e^-c). *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field infinite_length rotation.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Gamma.

Variables (F : realFieldType) (S : finType) (r : F).
Hypotheses (S_gt0 : (0 < #|S|)%N) (r_ge0 : 0 <= r) (r_le1 : r <= 1).
Add Field laws : (field_laws F).

Lemma power_le (n : nat) : (1 + (#|S|%:R - 1) * r) ^+ n <= 1 + (#|S|%:R ^+ n - 1) * r.
Proof.
have S_ge1 : 1 <= #|S|%:R :> F by rewrite ler1n.
elim: n => [|n IH]; first by rewrite !expr0 subrr mul0r addr0.
rewrite exprS; set B := 1 + _ * r in IH *; set s := #|S|%:R in B S_ge1 IH *.
have B_ge0 : 0 <= B by rewrite addr_ge0 ?ler01 ?mulr_ge0 ?subr_ge0.
apply: le_trans (ler_wpmul2l B_ge0 IH) _.
rewrite -subr_ge0; set gap := (X in 0 <= X).
have -> : gap = (s - 1) * (s ^+ n - 1) * (r * (1 - r)) by rewrite /gap exprS /B; set p := s ^+ n; algebra F.
by rewrite !mulr_ge0 ?subr_ge0 ?exprn_ege1.
Qed.

Lemma gamma_le (L : nat) : Gamma S L r <= (#|S|%:R ^+ L - 1) * r.
Proof.
have base_ge1 : 1 <= 1 + (#|S|%:R - 1) * r by rewrite ler_addl mulr_ge0 // subr_ge0 ler1n.
set B := (1 + (#|S|%:R - 1) * r) ^+ L; have B_ge1 : 1 <= B by apply: exprn_ege1.
have B_gt0 : 0 < B by apply: lt_le_trans B_ge1.
apply: (@le_trans _ _ (B - 1)); last by rewrite ler_subl_addl; apply: power_le.
have B_n0 : B != 0 by rewrite gt_eqF.
rewrite /Gamma -/B -subr_ge0; set gap := (X in 0 <= X).
have -> : gap = (B - 1) ^+ 2 / B by rewrite /gap; algebra F.
by rewrite divr_ge0 ?sqr_ge0 // ltW.
Qed.

End Gamma.

Section Decay.

Variables (F : realFieldType) (S : finType) (d : nat).
Notation Word := {ffun 'I_d -> S}.
Variables (Lambda : {set 'I_d}) (kappa : Word -> S -> F).
Hypothesis kappa_ge0 : forall u s, 0 <= kappa u s.
Hypothesis kappa_sum : \sum_u \sum_s kappa u s = 1.

(* The items of rotation.v: a word and its next token, with the weight kappa. Only the lags of Lambda are compared. *)
Notation Lags := {l : 'I_d | l \in Lambda}.
Definition item_weight (i : Word * S) : F := kappa i.1 i.2.
Definition context (i : Word * S) : {ffun Lags -> S} := [ffun l => i.1 (val l)].
Definition label (i : Word * S) : S := i.2.

Lemma distance_of_contexts (i j : Word * S) : distance (context i) (context j) = mismatches Lambda i.1 j.1.
Proof.
rewrite /distance /mismatches -(card_imset _ val_inj); apply: eq_card => l; rewrite !inE.
apply/imsetP/andP => [[l0] | [l_in differs]]; first by rewrite !inE !ffunE => differs ->; split; [apply: valP |].
by exists (Sub l l_in); rewrite ?inE ?ffunE ?SubK.
Qed.

Lemma same_context (i j : Word * S) : context i = context j <-> agree Lambda i.1 j.1.
Proof.
split=> [same | /agreeP same].
  by apply/agreeP => l l_in; have /ffunP/(_ (Sub l l_in)) := same; rewrite !ffunE /= => ->.
by apply/ffunP => l; rewrite !ffunE same //; apply: valP.
Qed.

Lemma card_lags : #|{: Lags}| = #|Lambda|.
Proof. by rewrite card_sig. Qed.

(* The mean score, tested against f, is the mean of the differences Phi_F over all words as targets. *)
Lemma score_as_differences (r : F) (f : Word -> Word -> S -> F) : 0 <= r ->
  \sum_u pi kappa u * (\sum_w \sum_s score Lambda kappa r u w s * f u w s)
  = \sum_t item_weight t * Phi_F item_weight context label r (fun t i => f t.1 i.1 i.2) t.
Proof.
move=> r_ge0; set value := fun t i : Word * S => _.
transitivity (\sum_u \sum_s item_weight (u, s) * Phi_F item_weight context label r value (u, s)); last first.
  by rewrite pair_bigA; apply: eq_bigr => -[u s] _.
apply: eq_bigr => u _.
have weight_eq s0 w s : rotation.weight item_weight context r (context (u, s0)) (w, s)
    = infinite_length.weight Lambda kappa r u w s.
  by rewrite /rotation.weight distance_of_contexts.
pose all_mean := (\sum_w \sum_s infinite_length.weight Lambda kappa r u w s * f u w s)
  / \sum_w \sum_s infinite_length.weight Lambda kappa r u w s.
pose mean_of s := (\sum_w infinite_length.weight Lambda kappa r u w s * f u w s)
  / \sum_w infinite_length.weight Lambda kappa r u w s.
have Phi_eq s : Phi_F item_weight context label r value (u, s) = all_mean - mean_of s.
  rewrite /Phi_F /mean /all_mean /mean_of; congr (_ / _ - _ / _).
  - by rewrite pair_bigA /=; apply: eq_bigr => -[w s1] _; rewrite weight_eq.
  - by rewrite pair_bigA /=; apply: eq_bigr => -[w s1] _; rewrite weight_eq.
  - rewrite /label /= -(pair_big predT (fun s1 => s1 == s) (fun w s1 =>
      rotation.weight item_weight context r (context (u, s)) (w, s1) * f u w s1)) /=.
    by apply: eq_bigr => w _; rewrite big_pred1_eq weight_eq.
  - rewrite /label /= -(pair_big predT (fun s1 => s1 == s) (fun w s1 =>
      rotation.weight item_weight context r (context (u, s)) (w, s1))) /=.
    by apply: eq_bigr => w _; rewrite big_pred1_eq weight_eq.
under [RHS]eq_bigr do rewrite Phi_eq mulrBr /item_weight /=.
rewrite sumrB -mulr_suml -/(pi kappa u).
have [pi_0 | pi_n0] := eqVneq (pi kappa u) 0.
  rewrite pi_0 !mul0r sub0r big1 ?oppr0 // => s _.
  have : kappa u s <= 0 by rewrite -pi_0 kappa_le_pi.
  by rewrite le_eqVlt ltNge kappa_ge0 orbF => /eqP ->; rewrite mul0r.
have weights_ge0 w s : 0 <= infinite_length.weight Lambda kappa r u w s by rewrite mulr_ge0 ?exprn_ge0.
have Z_n0 : \sum_w \sum_s infinite_length.weight Lambda kappa r u w s != 0.
  rewrite gt_eqF //; apply: (@lt_le_trans _ _ (pi kappa u)); first by rewrite lt_def pi_n0 pi_ge0.
  rewrite (bigD1 u) //= ler_paddr //; first by apply: sumr_ge0 => w _; apply: sumr_ge0.
  by apply: ler_sum => s _; rewrite /infinite_length.weight (eqP (agree_refl Lambda u)) mul1r.
have -> : \sum_w \sum_s score Lambda kappa r u w s * f u w s = all_mean - \sum_s tau kappa u s * mean_of s.
  set Z := \sum_w _ in Z_n0.
  have term w s : score Lambda kappa r u w s * f u w s =
      infinite_length.weight Lambda kappa r u w s * f u w s / Z
      - tau kappa u s * (infinite_length.weight Lambda kappa r u w s * f u w s
                         / \sum_w' infinite_length.weight Lambda kappa r u w' s).
    rewrite /score /prediction /attention -/Z -mulr_suml invf_div.
    rewrite mulrBr mulr1 opprB mulrBl; congr (_ - _); first by rewrite mulrAC.
    by rewrite [_ / Z * _]mulrCA [_ / Z * (Z / _)]mulrA divfK // -[LHS]mulrA [_ / _ * f u w s]mulrAC.
  under eq_bigr do under eq_bigr do rewrite term.
  under eq_bigr do rewrite sumrB; rewrite sumrB; congr (_ - _).
    by rewrite /all_mean -/Z mulr_suml; apply: eq_bigr => w _; rewrite mulr_suml.
  rewrite exchange_big; apply: eq_bigr => s _ /=; rewrite -mulr_sumr; congr (_ * _).
  by rewrite /mean_of mulr_suml.
rewrite mulrBr mulr_sumr; congr (_ - _); apply: eq_bigr => s _.
by rewrite mulrA pi_tau.
Qed.

Lemma total_is_one : m item_weight = 1.
Proof. by rewrite /m -kappa_sum pair_bigA. Qed.

Lemma item_weight_ge0 i : 0 <= item_weight i.
Proof. exact: kappa_ge0. Qed.

Lemma some_token : (0 < #|S|)%N.
Proof.
rewrite lt0n; apply/negP => /eqP/card0_eq empty; move: kappa_sum.
rewrite big1 => [/esym/eqP|u _]; first by rewrite oner_eq0.
by apply: big1 => s _; have := empty s; rewrite inE.
Qed.

(* The block tested against f, for any f of the tokens *)
Definition tested (r : F) (a : 'I_d) (b : option 'I_d) (f : S -> S -> F) : F :=
  \sum_v \sum_v' f v v' * block Lambda kappa r a b v v'.

Lemma tested_as_scores (r : F) (a : 'I_d) (b : option 'I_d) (f : S -> S -> F) :
  tested r a b f
  = \sum_u pi kappa u * (\sum_w \sum_s score Lambda kappa r u w s * f (query a u) (key b w s)).
Proof.
rewrite /tested /block; under eq_bigr do under eq_bigr do rewrite mulr_sumr.
under eq_bigr do rewrite exchange_big /=; rewrite exchange_big; apply: eq_bigr => u _ /=.
under eq_bigr do under eq_bigr do rewrite mulrCA.
under eq_bigr do rewrite -mulr_sumr; rewrite -mulr_sumr; congr (_ * _).
under eq_bigr do under eq_bigr do rewrite mulr_sumr.
under eq_bigr do rewrite exchange_big /=; rewrite exchange_big; apply: eq_bigr => w _ /=.
under eq_bigr do under eq_bigr do rewrite mulr_sumr.
under eq_bigr do rewrite exchange_big /=; rewrite exchange_big; apply: eq_bigr => s _ /=.
rewrite (bigD1 (query a u)) //= [X in _ + X]big1 ?addr0 => [|v other]; last first.
  by apply: big1 => v' _; rewrite [query a u == v]eq_sym (negPf other) mul0r !mulr0.
rewrite (bigD1 (key b w s)) //= [X in _ + X]big1 ?addr0 => [|v' other]; last first.
  by rewrite [key b w s == v']eq_sym (negPf other) !mulr0.
by rewrite !eqxx !mulr1 mulrC.
Qed.

(* Whatever is read of the keys, and of the end of the sequence at lags of Lambda *)
Theorem any_key_functional (r : F) (f : Word -> Word -> S -> F) :
  0 <= r -> (forall u w s, 0 <= f u w s <= 1) -> (forall u u' w s, agree Lambda u u' -> f u w s = f u' w s) ->
  `|\sum_u pi kappa u * (\sum_w \sum_s score Lambda kappa r u w s * f u w s)| <= Gamma S #|Lambda| r.
Proof.
move=> r_ge0 f_range reads_Lambda; rewrite score_as_differences //.
have /andP[first second] : _ <= _ <= m item_weight * Gamma S #|{: Lags}| r :=
  rotation (h := context) label item_weight_ge0 r_ge0 (value := fun t i => f t.1 i.1 i.2) some_token
    (fun t i => f_range _ _ _) (fun t t' i same => reads_Lambda _ _ _ _ (proj1 (same_context t t') same)).
by apply: le_trans first _; rewrite total_is_one mul1r card_lags in second.
Qed.

Theorem size_of_active_query (r : F) (a : 'I_d) (b : option 'I_d) (f : S -> S -> F) :
  0 <= r -> (forall v v', 0 <= f v v' <= 1) -> a \in Lambda -> `|tested r a b f| <= Gamma S #|Lambda| r.
Proof.
move=> r_ge0 f_range a_in; rewrite tested_as_scores.
by apply: any_key_functional => // u u' w s /agreeP same; rewrite /query same.
Qed.

Theorem size_of_active_key (r : F) (a l : 'I_d) (f : S -> S -> F) :
  0 <= r -> (forall v v', 0 <= f v v' <= 1) -> l \in Lambda -> `|tested r a (Some l) f| <= 2%:R * Gamma S #|Lambda| r.
Proof.
move=> r_ge0 f_range l_in; rewrite tested_as_scores score_as_differences //.
have := rotation_of_matched (k := item_weight) (h := context) label item_weight_ge0 r_ge0
  (value := fun t i => f (query a t.1) (i.1 l)) (psi := fun t => f (query a t.1) (t.1 l)) some_token.
rewrite total_is_one mulr1 card_lags; apply=> // t i /same_context/agreeP same.
by rewrite same.
Qed.

Theorem decay (a : 'I_d) (b : option 'I_d) (v v' : S) (r : F) :
  a \in Lambda \/ (exists2 l, l \in Lambda & b = Some l) -> 0 <= r <= 1 ->
  `|block Lambda kappa r a b v v'| <= 2%:R * (#|S|%:R ^+ #|Lambda| - 1) * r.
Proof.
move=> seen /andP[r_ge0 r_le1]; pose f v1 v2 : F := ((v1 == v) && (v2 == v'))%:R.
have f_range v1 v2 : 0 <= f v1 v2 <= 1 by rewrite /f ler0n lern1 leq_b1.
have <- : tested r a b f = block Lambda kappa r a b v v'.
  rewrite /tested (bigD1 v) //= [X in _ + X]big1 ?addr0 => [|v1 other]; last first.
    by apply: big1 => v2 _; rewrite /f (negPf other) mul0r.
  rewrite (bigD1 v') //= [X in _ + X]big1 ?addr0 => [|v2 other]; last by rewrite /f (negPf other) andbF mul0r.
  by rewrite /f !eqxx mul1r.
rewrite -mulrA; apply: (@le_trans _ _ (2%:R * Gamma S #|Lambda| r)); last first.
  by apply: ler_wpmul2l; [apply: ler0n | apply: (gamma_le some_token r_ge0 r_le1)].
case: seen => [a_in | [l l_in ->]]; last exact: size_of_active_key.
have bound := size_of_active_query b r_ge0 f_range a_in.
by apply: le_trans (bound) _; rewrite mulr2n mulrDl mul1r ler_addl; apply: le_trans (normr_ge0 _) bound.
Qed.

End Decay.
