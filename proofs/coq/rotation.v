(* Lemma 1 of "Every finite length". Every word of a list in turn as the target.

   Items i are words with a weight k_i >= 0: the m words of a list F have k = 1; at infinite length the items are all
   words, and k their frequencies. Item i has a context h(i), its tokens at the lags of Lambda (a finite set L of lags),
   and a label y(i), its last token. Seen from a context h its weight is r^(number of lags at which h(i) differs from h)
   times k_i, where r = 1/q in [0, 1]; r = 0 is q = infinity. For a target t,

       Phi_F(t)  =  mean of value(t, i) over all items i  -  mean over those with y(i) = y(t),

   both with the weights seen from h(t), t itself among the items, and 0 <= value <= 1. With m = sum_i k_i,
   N_h = sum of k_i over the items with h(i) = h, W_h the weight of the others seen from h, and

       Gamma  =  1 - (1 + (S-1) r)^-L  =  1 - (q / (q + S - 1))^L,                                        gamma_of_q

       |sum_t k_t Phi_F(t)|  <=  sum_h N_h W_h / (N_h + W_h)  <=  m Gamma                                     rotation

   if value(t, i) depends on the target through h(t) alone (a + 1 in Lambda: the query token is at a lag of Lambda), and

       |sum_t k_t Phi_F(t)|  <=  2 m Gamma                                                         rotation_of_matched

   if value(t, i) is the same for all items with h(i) = h(t) (b in Lambda: so is the key token).

   For every number of tokens, every L, every list and r, over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Definition Gamma (F : fieldType) (S : finType) (L : nat) (r : F) : F := 1 - (1 + (#|S|%:R - 1) * r) ^- L.

Theorem gamma_of_q (F : realFieldType) (S : finType) (L : nat) (q : F) :
  1 <= q -> Gamma S L q^-1 = 1 - (q / (q + #|S|%:R - 1)) ^+ L.
Proof.
move=> q_ge1; have q_n0 : q != 0 by rewrite gt_eqF // (lt_le_trans ltr01).
rewrite /Gamma -exprVn; congr (1 - _ ^+ _).
by rewrite -{1}(divff q_n0) -mulrDl invf_div addrA.
Qed.

(* n w / (n + w) is below its tangents. *)
Section Tangent.

Variable F : realFieldType.
Add Field laws : (field_laws F).

Lemma share_le (n w t : F) : 0 <= n -> 0 <= w -> n * w / (n + w) <= n * (1 - t) ^+ 2 + w * t ^+ 2.
Proof.
move=> n_ge0 w_ge0; have [sum_0 | sum_n0] := eqVneq (n + w) 0.
  by rewrite sum_0 invr0 mulr0 addr_ge0 // mulr_ge0 // sqr_ge0.
have sum_gt0 : 0 < n + w by rewrite lt_def sum_n0 addr_ge0.
rewrite ler_pdivr_mulr // -subr_ge0.
suff -> : (n * (1 - t) ^+ 2 + w * t ^+ 2) * (n + w) - n * w = (n - t * (n + w)) ^+ 2 by apply: sqr_ge0.
by algebra F.
Qed.

End Tangent.

Section Rotation.

Variables (F : realFieldType) (S L I : finType).
Notation Context := {ffun L -> S}.
Variables (k : I -> F) (h : I -> Context) (y : I -> S) (r : F).
Hypotheses (k_ge0 : forall i, 0 <= k i) (r_ge0 : 0 <= r).
Add Field laws : (field_laws F).

Definition distance (c c' : Context) : nat := #|[set l | c' l != c l]|.
Definition weight (c : Context) (i : I) : F := r ^+ distance c (h i) * k i.
Definition mean (A : pred I) (c : Context) (value : I -> F) : F :=
  (\sum_(i | A i) weight c i * value i) / \sum_(i | A i) weight c i.
Definition Phi_F (value : I -> I -> F) (t : I) : F :=
  mean predT (h t) (value t) - mean (fun i => y i == y t) (h t) (value t).

(* N_h and W_h for the items in A *)
Definition N (A : pred I) (c : Context) : F := \sum_(i | A i && (h i == c)) k i.
Definition W (A : pred I) (c : Context) : F := \sum_(i | A i && (h i != c)) weight c i.
Definition m : F := \sum_i k i.
Definition with_label (s : S) : pred I := fun i => y i == s.

Lemma weight_ge0 c i : 0 <= weight c i.
Proof. by rewrite mulr_ge0 ?exprn_ge0. Qed.

Lemma N_ge0 A c : 0 <= N A c.
Proof. exact: sumr_ge0. Qed.

Lemma W_ge0 A c : 0 <= W A c.
Proof. by apply: sumr_ge0 => i _; apply: weight_ge0. Qed.

Lemma weight_match c i : h i = c -> weight c i = k i.
Proof.
move=> <-; rewrite /weight /distance (_ : [set l | _] = set0) ?cards0 ?mul1r //.
by apply/setP => l; rewrite !inE eqxx.
Qed.

Lemma total_weight A c : \sum_(i | A i) weight c i = N A c + W A c.
Proof.
rewrite (bigID (fun i => h i == c)) /=; congr (_ + _).
by apply: eq_bigr => i /andP[_ /eqP]; apply: weight_match.
Qed.

Lemma N_labels c : \sum_s N (with_label s) c = N predT c.
Proof.
rewrite /N [RHS](partition_big y predT) //=; apply: eq_bigr => s _.
by apply: eq_bigl => i; rewrite andbC.
Qed.

Lemma W_labels c : \sum_s W (with_label s) c = W predT c.
Proof.
rewrite /W [RHS](partition_big y predT) //=; apply: eq_bigr => s _.
by apply: eq_bigl => i; rewrite andbC.
Qed.

(* The weights of one item seen from all contexts *)
Lemma weights_seen i : \sum_c weight c i = (1 + (#|S|%:R - 1) * r) ^+ #|L| * k i.
Proof.
rewrite -mulr_suml; congr (_ * _).
have weight_as_product (c : Context) : r ^+ distance c (h i) = \prod_l (if h i l != c l then r else 1).
  by rewrite -big_mkcond prodr_const /distance cardsE.
rewrite (eq_bigr _ (fun c _ => weight_as_product c)).
rewrite -(bigA_distr_bigA (fun l s => if h i l != s then r else 1)) /=.
rewrite (eq_bigr (fun _ => 1 + (#|S|%:R - 1) * r)) ?prodr_const // => l _.
rewrite (bigD1 (h i l)) //= eqxx /=; congr (_ + _).
rewrite (eq_bigr (fun _ => r)) => [|s]; last by rewrite eq_sym => ->.
rewrite sumr_const -[LHS]mulr_natl; congr (_ * _).
rewrite -[X in X%:R]/(#|predC1 (h i l)|) cardC1 -subn1 natrB //.
by apply/card_gt0P; exists (h i l).
Qed.

Notation base := (1 + (#|S|%:R - 1) * r).

Lemma sum_N : \sum_c N predT c = m.
Proof. by rewrite /m [RHS](partition_big h predT). Qed.

Lemma sum_W : \sum_c W predT c = m * (base ^+ #|L| - 1).
Proof.
have total : \sum_c (N predT c + W predT c) = m * base ^+ #|L|.
  under eq_bigr do rewrite -total_weight; rewrite exchange_big /m mulr_suml.
  by apply: eq_bigr => i _; rewrite weights_seen mulrC.
by rewrite mulrBr mulr1 -total big_split /= sum_N addrC addKr.
Qed.

Lemma base_ge1 : (0 < #|S|)%N -> 1 <= base.
Proof. by move=> S_gt0; rewrite ler_addl mulr_ge0 // subr_ge0 ler1n. Qed.

(* Shares of others, N W / (N + W), over classes of items whose other weights add up to no more than the W_h *)
Lemma shares_le (C : finType) (n w : C -> F) :
  (0 < #|S|)%N -> (forall c, 0 <= n c) -> (forall c, 0 <= w c) -> \sum_c n c = m ->
  \sum_c w c = m * (base ^+ #|L| - 1) -> \sum_c n c * w c / (n c + w c) <= m * Gamma S #|L| r.
Proof.
move=> S_gt0 n_ge0 w_ge0 sum_n sum_w; set B := base ^+ #|L|.
have B_n0 : B != 0 by rewrite gt_eqF // exprn_gt0 // (lt_le_trans ltr01) ?base_ge1.
apply: (@le_trans _ _ (\sum_c (n c * (1 - B^-1) ^+ 2 + w c * B^-1 ^+ 2))).
  by apply: ler_sum => c _; apply: share_le.
rewrite big_split /= -!mulr_suml sum_n sum_w -/B /Gamma -/B.
by apply: le_of_eq; algebra F.
Qed.

Lemma share_of_others_le_gamma :
  (0 < #|S|)%N -> \sum_c N predT c * W predT c / (N predT c + W predT c) <= m * Gamma S #|L| r.
Proof. by move=> S_gt0; apply: shares_le; rewrite ?sum_N ?sum_W // => c; [apply: N_ge0 | apply: W_ge0]. Qed.

(* Targets in one class: value does not depend on which of them it is. *)
Section OneClass.

Variables (c : Context) (v : I -> F).
Hypothesis v_range : forall i, 0 <= v i <= 1.

Notation N_of s := (N (with_label s) c).
Notation W_of s := (W (with_label s) c).
Notation mean_of s := (mean (with_label s) c v).

Lemma mean_range A : 0 <= mean A c v <= 1.
Proof.
have Z_ge0 : 0 <= \sum_(i | A i) weight c i by apply: sumr_ge0 => i _; apply: weight_ge0.
rewrite /mean divr_ge0 //=; last by apply: sumr_ge0 => i _; rewrite mulr_ge0 ?weight_ge0 //; case/andP: (v_range i).
have [-> | Z_n0] := eqVneq (\sum_(i | A i) weight c i) 0; first by rewrite invr0 mulr0 ler01.
rewrite ler_pdivr_mulr ?lt_def ?Z_n0 // mul1r; apply: ler_sum => i _.
by rewrite ler_pimulr ?weight_ge0 //; case/andP: (v_range i).
Qed.

Lemma mean_weighted A : \sum_(i | A i) weight c i * v i = (N A c + W A c) * mean A c v.
Proof.
rewrite -total_weight /mean mulrC; have [Z_0 | Z_n0] := eqVneq (\sum_(i | A i) weight c i) 0; last by rewrite divfK.
rewrite Z_0 mulr0; apply: big1 => i in_A; move/eqP: Z_0.
by rewrite psumr_eq0 => [/allP/(_ i (mem_index_enum i))|j _]; rewrite ?weight_ge0 // in_A => /eqP ->; rewrite mul0r.
Qed.

Lemma class_le :
  `|N predT c * mean predT c v - \sum_s N_of s * mean_of s| <= N predT c * W predT c / (N predT c + W predT c).
Proof.
set n := N predT c; set w := W predT c; pose theta := n / (n + w).
have [n_0 | n_n0] := eqVneq n 0.
  rewrite n_0 !mul0r add0r normrN big1 ?normr0 // => s _.
  have : \sum_s N_of s = 0 by rewrite N_labels.
  by move/eqP; rewrite psumr_eq0 => [/allP/(_ s (mem_index_enum s))|j _]; rewrite ?N_ge0 //= => /eqP ->; rewrite mul0r.
have n_gt0 : 0 < n by rewrite lt_def n_n0 N_ge0.
have w_ge0 : 0 <= w by apply: W_ge0.
have sum_n0 : n + w != 0 by rewrite gt_eqF // ltr_paddr.
have theta_ge0 : 0 <= theta by rewrite divr_ge0 // ?addr_ge0 // ltW.
have theta_le1 : theta <= 1 by rewrite ler_pdivr_mulr ?ltr_paddr // mul1r ler_addl.
pose d s := theta * (N_of s + W_of s) - N_of s.
have sum_d : \sum_s d s = 0.
  rewrite sumrB -mulr_sumr big_split /= N_labels W_labels -/n -/w.
  by rewrite /theta; algebra F.
have -> : n * mean predT c v - \sum_s N_of s * mean_of s = \sum_s d s * mean_of s.
  have -> : n * mean predT c v = theta * \sum_s (N_of s + W_of s) * mean_of s.
    have <- : \sum_i weight c i * v i = \sum_s (N_of s + W_of s) * mean_of s.
      rewrite (partition_big y predT) //=; apply: eq_bigr => s _; exact: mean_weighted.
    by rewrite (mean_weighted predT) -/n -/w /theta; set mu := mean _ _ _; algebra F.
  rewrite mulr_sumr -sumrB; apply: eq_bigr => s _; rewrite /d; set mu := mean _ _ _; by algebra F.
have d_le s : d s <= theta * W_of s.
  by rewrite /d mulrDr addrAC -[X in _ <= X]add0r ler_add2r subr_le0 ler_pimull ?N_ge0.
have sum_le (x : S -> F) : (forall s, 0 <= x s <= 1) -> \sum_s d s * x s <= n * w / (n + w).
  move=> x_range; have -> : n * w / (n + w) = \sum_s theta * W_of s.
    by rewrite -mulr_sumr W_labels -/w mulrAC.
  apply: ler_sum => s _; have /andP[x_ge0 x_le1] := x_range s.
  apply: (@le_trans _ _ (theta * W_of s * x s)); first exact: ler_wpmul2r.
  by rewrite ler_pimulr // mulr_ge0 ?W_ge0.
rewrite ler_norml; apply/andP; split; last by apply: sum_le => s; apply: mean_range.
rewrite ler_oppl (_ : - _ = \sum_s d s * (1 - mean_of s)).
  by apply: sum_le => s; have /andP[ge0 le1] := mean_range (with_label s); rewrite subr_ge0 le1 ler_subl_addr ler_addl.
transitivity (\sum_s d s - \sum_s d s * mean_of s); first by rewrite sum_d sub0r.
rewrite -sumrB; apply: eq_bigr => s _.
by set mu := mean _ _ _; set e := d s; algebra F.
Qed.

End OneClass.

Theorem rotation (value : I -> I -> F) :
  (0 < #|S|)%N -> (forall t i, 0 <= value t i <= 1) -> (forall t t' i, h t = h t' -> value t i = value t' i) ->
  `|\sum_t k t * Phi_F value t| <= \sum_c N predT c * W predT c / (N predT c + W predT c) <= m * Gamma S #|L| r.
Proof.
move=> S_gt0 range reads_context; rewrite share_of_others_le_gamma // andbT (partition_big h predT) //=.
apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => c _.
have [t0 /eqP in_c | empty] := pickP (fun t => h t == c); last first.
  by rewrite big_pred0 // normr0 divr_ge0 ?addr_ge0 ?mulr_ge0 ?N_ge0 ?W_ge0.
apply: le_trans _ (class_le c (range t0)); apply: le_of_eq; congr (`|_|).
rewrite -N_labels mulr_suml -sumrB [LHS](partition_big y predT) //=; apply: eq_bigr => s _.
rewrite -mulrBr /N mulr_suml; apply: eq_big => [t | t /andP[/eqP t_in_c /eqP label]]; first by rewrite andbC.
congr (_ * (_ - _)).
- by rewrite t_in_c /mean; congr (_ / _); apply: eq_bigr => i _; rewrite (reads_context t t0) // t_in_c in_c.
- rewrite t_in_c /mean label; congr (_ / _); apply: eq_bigr => i _.
  by rewrite (reads_context t t0) // t_in_c in_c.
Qed.

(* A mean in which all matching items have the value psi *)
Lemma mean_near (A : pred I) (c : Context) (v : I -> F) (psi : F) :
  (forall i, 0 <= v i <= 1) -> 0 <= psi <= 1 -> (forall i, h i = c -> v i = psi) -> 0 < N A c ->
  `|mean A c v - psi| <= W A c / (N A c + W A c).
Proof.
move=> v_range psi_range matched N_gt0.
have sum_gt0 : 0 < N A c + W A c by rewrite ltr_paddr ?W_ge0.
have -> : mean A c v - psi = (\sum_(i | A i && (h i != c)) weight c i * (v i - psi)) / (N A c + W A c).
  apply: (mulIf (lt0r_neq0 sum_gt0)); rewrite divfK ?gt_eqF // mulrBl [mean A c v * _]mulrC -mean_weighted //.
  under [RHS]eq_bigr do rewrite mulrBr.
  rewrite sumrB -mulr_suml -/(W A c) (bigID (fun i => h i == c)) /=.
  have -> : \sum_(i | A i && (h i == c)) weight c i * v i = N A c * psi.
    rewrite /N mulr_suml; apply: eq_bigr => i /andP[_ /eqP match_c].
    by rewrite weight_match // matched.
  by set x := \sum_(i | _) _; algebra F.
rewrite normrM normfV (gtr0_norm sum_gt0) ler_pmul2r ?invr_gt0 //.
apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => i _.
rewrite normrM (ger0_norm (weight_ge0 c i)) ler_pimulr ?weight_ge0 //.
have /andP[v_ge0 v_le1] := v_range i; have /andP[psi_ge0 psi_le1] := psi_range.
rewrite ler_norml; apply/andP; split.
  by rewrite ler_subr_addr; apply: le_trans v_ge0; rewrite addrC subr_le0.
by rewrite ler_subl_addr; apply: le_trans v_le1 _; rewrite ler_addl.
Qed.

Lemma N_target (A : pred I) t : A t -> k t != 0 -> 0 < N A (h t).
Proof.
move=> in_A k_n0; rewrite /N (bigD1 t) /= ?in_A ?eqxx //.
by rewrite ltr_spaddl ?sumr_ge0 // lt_def k_n0 k_ge0.
Qed.

Theorem rotation_of_matched (value : I -> I -> F) (psi : I -> F) :
  (0 < #|S|)%N -> (forall t i, 0 <= value t i <= 1) -> (forall t i, h i = h t -> value t i = psi t) ->
  `|\sum_t k t * Phi_F value t| <= 2%:R * m * Gamma S #|L| r.
Proof.
move=> S_gt0 range matched.
pose share A c := W A c / (N A c + W A c).
apply: (@le_trans _ _ (\sum_t k t * (share predT (h t) + share (with_label (y t)) (h t)))).
  apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => t _.
  rewrite normrM (ger0_norm (k_ge0 t)).
  have [-> | k_n0] := eqVneq (k t) 0; first by rewrite !mul0r.
  apply: ler_wpmul2l => //.
  have psi_range : 0 <= psi t <= 1 by rewrite -(matched t t).
  have near (A : pred I) : A t -> `|mean A (h t) (value t) - psi t| <= share A (h t).
    by move=> in_A; apply: mean_near; [apply: range | | apply: matched | apply: N_target].
  have -> : Phi_F value t = (mean predT (h t) (value t) - psi t)
      - (mean (with_label (y t)) (h t) (value t) - psi t) by rewrite opprB addrA subrK.
  by apply: le_trans (ler_norm_sub _ _) _; apply: ler_add; apply: near; rewrite // /with_label eqxx.
under eq_bigr do rewrite mulrDr.
rewrite big_split /= -mulrA mulr2n mulrDl mul1r; apply: ler_add.
  apply: le_trans (share_of_others_le_gamma S_gt0); apply: le_of_eq.
  rewrite (partition_big h predT) //=; apply: eq_bigr => c _.
  by rewrite -mulrA /N mulr_suml; apply: eq_bigr => t /eqP ->.
pose n_of (cs : Context * S) := N (with_label cs.2) cs.1; pose w_of cs := W (with_label cs.2) cs.1.
apply: (@le_trans _ _ (\sum_cs n_of cs * w_of cs / (n_of cs + w_of cs))).
  apply: le_of_eq; rewrite (partition_big (fun t => (h t, y t)) predT) //=; apply: eq_bigr => -[c s] _.
  rewrite -mulrA {1}/n_of /N mulr_suml; apply: eq_big => [t | t /eqP[-> ->]] //.
  by rewrite xpair_eqE andbC.
apply: shares_le => // [cs | cs | |].
- exact: N_ge0.
- exact: W_ge0.
- by rewrite -(pair_bigA _ (fun c s => N (with_label s) c)) /= -sum_N; apply: eq_bigr => c _; apply: N_labels.
- by rewrite -(pair_bigA _ (fun c s => W (with_label s) c)) /= -sum_W; apply: eq_bigr => c _; apply: W_labels.
Qed.

End Rotation.
