(* SN6. At infinite length the score blocks that the factorised gradient sees are O(e^-c).

   With r = 1/q = e^-c in [0, 1], and everything else as in infinite_length.v, for all l in Lambda and all a, b

       |M_(l-1),b[v, v']|, |M_a,l[v, v']|  <=  C r,   C = 2 sum_u pi(u) (sum_s tau(s | u) k(s) / N(u, s) + k / N(u)),

   where N(u) and N(u, s) are the frequencies of the words that agree with u at all lags of Lambda (followed by s), and
   k, k(s) those of all words. C does not depend on r.                                                   decay

   By the chain rule (SN2) the gradient in Q and K is then O(sqrt(c) e^-c), and that in V is O(c e^-c). *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import infinite_length.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Means with the weights r^m k of finitely many items tend to those of the items with m = 0, at a rate O(r). *)
Section Means.

Variables (F : realFieldType) (I : finType) (m : I -> nat) (k : I -> F) (phi : I -> F).
Hypotheses (k_ge0 : forall i, 0 <= k i) (phi_le1 : forall i, `|phi i| <= 1).

Definition mean (r : F) : F := (\sum_i r ^+ m i * k i * phi i) / \sum_i r ^+ m i * k i.

Lemma mean_near_limit (r : F) :
  0 <= r <= 1 -> 0 < \sum_(i | m i == 0%N) k i ->
  `|mean r - mean 0| <= 2%:R * r * (\sum_i k i) / \sum_(i | m i == 0%N) k i.
Proof.
move=> /andP[r_ge0 r_le1]; set N := \sum_(i | m i == 0%N) k i => N_gt0; set K := \sum_i k i.
pose rest (f : I -> F) := \sum_(i | m i != 0%N) r ^+ m i * f i.
have split f : \sum_i r ^+ m i * f i = \sum_(i | m i == 0%N) f i + rest f.
  rewrite (bigID (fun i => m i == 0%N)) /=; congr (_ + _).
  by apply: eq_bigr => i /eqP ->; rewrite mul1r.
have at_0 f : \sum_i 0 ^+ m i * f i = \sum_(i | m i == 0%N) f i.
  rewrite [in RHS]big_mkcond; apply: eq_bigr => i _; rewrite expr0n.
  by case: (m i == 0%N); rewrite (mul1r, mul0r).
pose A := \sum_(i | m i == 0%N) k i * phi i; pose Z := N + rest k.
have mean_r : mean r = (A + rest (fun i => k i * phi i)) / Z.
  by rewrite /mean; under eq_bigr do rewrite -mulrA; rewrite !split.
have mean_0 : mean 0 = A / N.
  by rewrite /mean; under eq_bigr do rewrite -mulrA; rewrite !at_0.
have rest_ge0 : 0 <= rest k by apply: sumr_ge0 => i _; rewrite mulr_ge0 ?exprn_ge0.
have rest_le : rest k <= r * K.
  rewrite /K mulr_sumr [X in _ <= X](bigID (fun i => m i == 0%N)) /= ler_paddl //.
    by apply: sumr_ge0 => i _; rewrite mulr_ge0.
  apply: ler_sum => i m_n0; apply: ler_wpmul2r => //.
  by rewrite -[X in _ <= X]expr1; apply: ler_wiexpn2l; rewrite ?lt0n.
have term i : `|k i * phi i| <= k i.
  by rewrite normrM (ger0_norm (k_ge0 i)) -[X in _ <= X]mulr1; apply: ler_wpmul2l.
have rest_phi : `|rest (fun i => k i * phi i)| <= rest k.
  apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => i _.
  by rewrite normrM ger0_norm ?exprn_ge0 //; apply: ler_wpmul2l; rewrite ?exprn_ge0.
have A_le : `|A| <= N by apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => i _.
have Z_ge : N <= Z by rewrite ler_addl.
have Z_gt0 : 0 < Z by apply: lt_le_trans Z_ge.
have -> : mean r - mean 0 = (rest (fun i => k i * phi i) * N - A * rest k) / (Z * N).
  rewrite mean_r mean_0 -[- (A / N)]mulNr addf_div ?gt_eqF //; congr (_ / _).
  by rewrite /Z mulrDl mulNr mulrDr opprD addrACA subrr add0r.
rewrite normrM normfV (gtr0_norm (mulr_gt0 Z_gt0 N_gt0)) ler_pdivr_mulr ?mulr_gt0 //.
have -> : 2%:R * r * K / N * (Z * N) = 2%:R * r * K * Z by rewrite [Z * N]mulrC mulrA divfK ?gt_eqF.
apply: le_trans (ler_norm_sub _ _) _; rewrite !normrM (gtr0_norm N_gt0) (ger0_norm rest_ge0).
apply: (@le_trans _ _ (rest k * N + rest k * N)).
  by rewrite [`|A| * _]mulrC ler_add // ?ler_wpmul2r ?ler_wpmul2l // ltW.
rewrite -mulr2n -[X in X <= _]mulr_natl -!mulrA; apply: ler_wpmul2l; first exact: ler0n.
by rewrite [r * _]mulrA; apply: ler_pmul => //; rewrite ltW.
Qed.

End Means.

Section Decay.

Variables (F : realFieldType) (S : finType) (d : nat).
Notation Word := {ffun 'I_d -> S}.
Variables (Lambda : {set 'I_d}) (kappa : Word -> S -> F).
Hypothesis kappa_ge0 : forall u s, 0 <= kappa u s.

Notation total := (total Lambda kappa).
Notation total_of := (total_of Lambda kappa).

Definition constant : F :=
  2%:R * \sum_u pi kappa u * (\sum_s tau kappa u s * (\sum_w kappa w s) / total_of u s + (\sum_w pi kappa w) / total u).

(* For one u, M is a mean over positions, minus means over the positions that hold each s. *)
Notation mean_all u f := (mean (fun i => mismatches Lambda u i.1) (fun i => kappa i.1 i.2) (fun i => f i.1 i.2)).
Notation mean_of u s f := (mean (mismatches Lambda u) (fun w => kappa w s) (fun w => f w s)).

Lemma score_as_means (r : F) (u : Word) (f : Word -> S -> F) :
  \sum_w \sum_s weight Lambda kappa r u w s != 0 ->
  \sum_w \sum_s score Lambda kappa r u w s * f w s = mean_all u f r - \sum_s tau kappa u s * mean_of u s f r.
Proof.
move=> Z_n0; set Z := \sum_w _ in Z_n0.
have term w s : score Lambda kappa r u w s * f w s =
    weight Lambda kappa r u w s * f w s / Z
    - tau kappa u s * (weight Lambda kappa r u w s * f w s / \sum_w' weight Lambda kappa r u w' s).
  rewrite /score /prediction /attention -/Z -mulr_suml invf_div.
  rewrite mulrBr mulr1 opprB mulrBl; congr (_ - _); first by rewrite mulrAC.
  by rewrite [_ / Z * _]mulrCA [_ / Z * (Z / _)]mulrA divfK // -[LHS]mulrA [_ / _ * f w s]mulrAC.
under eq_bigr do under eq_bigr do rewrite term.
under eq_bigr do rewrite sumrB; rewrite sumrB; congr (_ - _).
  by rewrite /mean /Z !pair_bigA /= mulr_suml.
rewrite exchange_big; apply: eq_bigr => s _ /=; rewrite -mulr_sumr -mulr_suml; congr (_ * _).
Qed.

Theorem decay (a : 'I_d) (b : option 'I_d) (v v' : S) (r : F) :
  a \in Lambda \/ (exists2 l, l \in Lambda & b = Some l) -> 0 <= r <= 1 ->
  `|block Lambda kappa r a b v v'| <= constant * r.
Proof.
move=> seen r_range; set f := fun u w s => (query a u == v)%:R * (key b w s == v')%:R : F.
have /andP[r_ge0 _] := r_range.
have f_le1 u w s : `|f u w s| <= 1.
  by rewrite /f -natrM; case: (_ == v); case: (_ == v'); rewrite /= ?normr1 ?normr0 ?ler01.
have as_means r0 u : 0 <= r0 -> pi kappa u != 0 ->
    \sum_w \sum_s score Lambda kappa r0 u w s * f u w s
    = mean_all u (f u) r0 - \sum_s tau kappa u s * mean_of u s (f u) r0.
  move=> r0_ge0 pi_n0; apply: score_as_means; rewrite gt_eqF //.
  apply: (@lt_le_trans _ _ (pi kappa u)); first by rewrite lt_def pi_n0 pi_ge0.
  have weight_ge0 w s : 0 <= weight Lambda kappa r0 u w s by rewrite mulr_ge0 ?exprn_ge0.
  rewrite (bigD1 u) //= ler_paddr //; first by apply: sumr_ge0 => w _; apply: sumr_ge0.
  by apply: ler_sum => s _; rewrite /weight (eqP (agree_refl Lambda u)) mul1r.
rewrite -[block _ _ _ _ _ _ _]subr0 -(stationary kappa_ge0 v v' seen) /block -sumrB.
apply: le_trans (ler_norm_sum _ _ _) _; rewrite /constant mulrAC mulr_sumr; apply: ler_sum => u _.
rewrite -mulrBr normrM (ger0_norm (pi_ge0 kappa_ge0 u)) mulrCA.
have [-> | pi_n0] := eqVneq (pi kappa u) 0; first by rewrite !mul0r.
apply: ler_wpmul2l; first exact: pi_ge0.
rewrite -/(f u) !as_means // opprD opprK addrACA.
apply: le_trans (ler_norm_add _ _) _; rewrite addrC mulrDr; apply: ler_add.
  rewrite addrC -sumrB mulr_sumr; apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => s _.
  have tau_ge0 : 0 <= tau kappa u s by rewrite divr_ge0 ?pi_ge0.
  rewrite -mulrBr normrM (ger0_norm tau_ge0) -[X in _ <= _ * X]mulrA mulrCA.
  have [-> | tau_n0] := eqVneq (tau kappa u s) 0; first by rewrite !mul0r.
  have k_n0 : kappa u s != 0 by apply: contraNneq tau_n0 => k_0; rewrite /tau k_0 mul0r.
  apply: ler_wpmul2l => //; rewrite distrC mulrA; apply: mean_near_limit => //.
  exact: (total_of_gt0 kappa_ge0 (agree_refl Lambda u) k_n0).
have [s k_n0] : exists s, kappa u s != 0.
  apply/existsP; apply: contraNT pi_n0 => /existsPn all_0.
  by rewrite /pi big1 // => s _; apply/eqP; rewrite -[_ == _]negbK all_0.
have -> : total u = \sum_(i : Word * S | mismatches Lambda u i.1 == 0%N) kappa i.1 i.2.
  by rewrite /total /pi pair_big_dep /=; apply: eq_bigl => i; rewrite andbT.
have -> : \sum_w pi kappa w = \sum_(i : Word * S) kappa i.1 i.2 by rewrite /pi pair_bigA.
rewrite mulrA; apply: mean_near_limit => //.
rewrite (bigD1 (u, s)) ?(eqP (agree_refl Lambda u)) //= ltr_spaddl ?sumr_ge0 //.
by rewrite lt_def k_n0 kappa_ge0.
Qed.

End Decay.
