(* SN3. The configuration is the Lambda-gram estimator, up to O(1/q).

   Tokens x_0, ..., x_(T-1), any x; Lambda any set of lags; q >= 1. The final context is read by the lags of the query:
   x_(T-l) for l in Lambda. Position j has weight q^(m_j), where m_j is the number of lags l in Lambda at which x_(j-l)
   exists and equals x_(T-l), and p_theta(s) is the weight of the positions that hold s over the weight of all. Let N(h)
   count the positions that match at every lag of Lambda, and N(h,s) those of them that hold s. If N(h) > 0, then

       sum_s |p_theta(s) - N(h,s)/N(h)|  <=  2 (T - N(h)) / (q N(h)).                           estimator_bound

   For all T, S, Lambda, x and q >= 1 of any ordered field. Half of that bound does not hold: x = 0 1 0, Lambda = {1},
   q = 3 is a counterexample.                                                                    half_bound_fails *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* First for any weights q^m with m at most L, L on the matched positions alone. *)
Section Weights.

Variables (F : realFieldType) (S : finType) (T : nat) (x : 'I_T -> S).
Variables (m : 'I_T -> nat) (L : nat) (q : F).
Hypotheses (m_le : forall j, (m j <= L)%N) (q_ge1 : 1 <= q).

Definition matched (j : 'I_T) : bool := m j == L.
Definition count : F := \sum_(j | matched j) 1.
Definition count_of (s : S) : F := \sum_(j | matched j && (x j == s)) 1.
Definition output (s : S) : F := (\sum_(j | x j == s) q ^+ m j) / (\sum_j q ^+ m j).

(* the weight of the positions that are not matched: all, and those that hold s *)
Let rest : F := \sum_(j | ~~ matched j) q ^+ m j.
Let rest_of (s : S) : F := \sum_(j | ~~ matched j && (x j == s)) q ^+ m j.

Lemma q_gt0 : 0 < q. Proof. exact: lt_le_trans ltr01 q_ge1. Qed.

Lemma split_weights (Q : pred 'I_T) :
  \sum_(j | Q j) q ^+ m j = q ^+ L * (\sum_(j | matched j && Q j) 1) + \sum_(j | ~~ matched j && Q j) q ^+ m j.
Proof.
rewrite (bigID matched) /= mulr_sumr; congr (_ + _).
  by apply: eq_big => [j | j /andP[_ /eqP ->]]; rewrite ?mulr1 // andbC.
by apply: eq_bigl => j; rewrite andbC.
Qed.

Lemma rest_of_ge0 s : 0 <= rest_of s.
Proof. by apply: sumr_ge0 => j _; apply: exprn_ge0; apply: ltW q_gt0. Qed.

Lemma count_of_ge0 s : 0 <= count_of s.
Proof. by apply: sumr_ge0 => j _; apply: ler01. Qed.

Lemma sum_count_of : \sum_s count_of s = count.
Proof. by rewrite /count (partition_big x predT) //=. Qed.

Lemma sum_rest_of : \sum_s rest_of s = rest.
Proof. by rewrite /rest (partition_big x predT) //=. Qed.

Lemma count_unmatched : \sum_(j | ~~ matched j) 1 = T%:R - count.
Proof.
have <-: \sum_(j < T) 1 = T%:R :> F by rewrite sumr_const card_ord.
by rewrite [X in _ = X - _](bigID matched) /= /count addrC addKr.
Qed.

(* q times the weight of an unmatched position is at most q^L. *)
Lemma rest_le : q * rest <= q ^+ L * (T%:R - count).
Proof.
rewrite -count_unmatched !mulr_sumr; apply: ler_sum => j unmatched.
rewrite mulr1 -exprS; apply: ler_weexpn2l => //.
by rewrite ltn_neqAle m_le andbT.
Qed.

Lemma bound_for_weights :
  0 < count -> \sum_s `|output s - count_of s / count| <= 2%:R * (T%:R - count) / (q * count).
Proof.
move=> N_gt0; set N := count in N_gt0 *; set Z := \sum_j q ^+ m j.
have qL_gt0 : 0 < q ^+ L by rewrite exprn_gt0 ?q_gt0.
have Z_eq : Z = q ^+ L * N + rest.
  rewrite /Z (split_weights predT); congr (_ * _ + _); by apply: eq_bigl => j; rewrite andbT.
have rest_ge0 : 0 <= rest by rewrite -sum_rest_of; apply: sumr_ge0 => s _; apply: rest_of_ge0.
have Z_ge : q ^+ L * N <= Z by rewrite Z_eq ler_addl.
have Z_gt0 : 0 < Z by apply: lt_le_trans Z_ge; rewrite mulr_gt0.
have difference s : output s - count_of s / N = (N * rest_of s - count_of s * rest) / (Z * N).
  rewrite /output (split_weights (fun j => x j == s)) -/(count_of s) -/(rest_of s) -/Z.
  rewrite -mulNr addf_div ?gt_eqF //; congr (_ / _).
  rewrite Z_eq mulNr mulrDl mulrDr opprD addrACA -mulrA [count_of s * (_ * _)]mulrCA subrr add0r.
  by rewrite [N * _]mulrC.
have distance : \sum_s `|output s - count_of s / N| <= 2%:R * rest / Z.
  have -> : 2%:R * rest / Z = \sum_s (N * rest_of s + count_of s * rest) / (Z * N).
    rewrite -mulr_suml big_split /= -mulr_sumr -mulr_suml sum_rest_of sum_count_of -/N.
    have -> : N * rest + N * rest = 2%:R * rest * N by rewrite [N * _]mulrC -mulr2n -mulrnAl mulr_natl.
    by rewrite -mulf_div divff ?gt_eqF // mulr1.
  apply: ler_sum => s _; rewrite difference normrM normfV (gtr0_norm (mulr_gt0 Z_gt0 N_gt0)).
  apply: ler_wpmul2r; first by rewrite invr_ge0 ltW // mulr_gt0.
  apply: le_trans (ler_norm_sub _ _) _.
  by rewrite !ger0_norm ?mulr_ge0 ?rest_of_ge0 ?count_of_ge0 // ltW.
apply: le_trans distance _.
rewrite ler_pdivl_mulr ?mulr_gt0 ?q_gt0 // mulrAC ler_pdivr_mulr //.
rewrite -!mulrA; apply: ler_wpmul2l; first exact: ler0n.
apply: (@le_trans _ _ (q ^+ L * (T%:R - N) * N)).
  rewrite mulrA [rest * q]mulrC; apply: ler_wpmul2r; [exact: ltW | exact: rest_le].
rewrite mulrAC [X in _ <= X]mulrC; apply: ler_wpmul2r => //.
by rewrite -count_unmatched; apply: sumr_ge0 => j _; apply: ler01.
Qed.

End Weights.

(* The same for the weights of the configuration. *)
Section Configuration.

Variables (F : realFieldType) (S : finType) (T : nat) (x : nat -> S) (Lambda : seq nat) (q : F).

Definition agrees (j l : nat) : bool := (l <= j)%N && (x (j - l) == x (T - l)).
Definition matches (j : nat) : nat := seq.count (agrees j) Lambda. (* m_j *)
Definition matches_all (j : nat) : bool := all (agrees j) Lambda.

Definition p_theta (s : S) : F := (\sum_(j < T | x j == s) q ^+ matches j) / (\sum_(j < T) q ^+ matches j).
Definition N : F := \sum_(j < T | matches_all j) 1.
Definition N_of (s : S) : F := \sum_(j < T | matches_all j && (x j == s)) 1.

Theorem estimator_bound :
  1 <= q -> 0 < N -> \sum_s `|p_theta s - N_of s / N| <= 2%:R * (T%:R - N) / (q * N).
Proof.
move=> q_ge1; have same j : matches_all j = (matches j == size Lambda) by rewrite /matches_all all_count.
have N_eq : N = count F (fun j : 'I_T => matches j) (size Lambda) by apply: eq_bigl => j; apply: same.
have N_of_eq s : N_of s = count_of F (fun j : 'I_T => x j) (fun j : 'I_T => matches j) (size Lambda) s.
  by apply: eq_bigl => j; rewrite same.
rewrite N_eq; under eq_bigr do rewrite N_of_eq.
by apply: bound_for_weights q_ge1 => j; apply: count_size.
Qed.

End Configuration.

Theorem half_bound_fails (F : realFieldType) :
  exists (T : nat) (x : nat -> bool) (Lambda : seq nat) (q : F),
    [/\ 1 <= q, 0 < N F T x Lambda
      & (T%:R - N F T x Lambda) / (q * N F T x Lambda)
        < \sum_s `|p_theta T x Lambda q s - N_of F T x Lambda s / N F T x Lambda|].
Proof.
exists 3%N, odd, [:: 1%N], 3%:R; pose simple := (add0r, addr0, expr0, expr1).
have N_eq : N F 3 odd [:: 1%N] = 1 by rewrite /N big_mkcond !big_ord_recl big_ord0 /= !simple.
have N_of_eq s : N_of F 3 odd [:: 1%N] s = s%:R.
  by rewrite /N_of big_mkcond !big_ord_recl big_ord0; case: s; rewrite /= !simple.
have p_eq s : p_theta 3 odd [:: 1%N] (3%:R : F) s = (if s then 3%:R else 2%:R) / 5%:R.
  rewrite /p_theta big_mkcond !big_ord_recl !big_ord0 /=.
  have -> : 5%:R = 1 + (3%:R + 1) :> F by rewrite addrC -mulrSr -mulrSr.
  by case: s; rewrite /= !simple.
rewrite N_eq; split; [by rewrite ler1n | exact: ltr01 |].
rewrite big_bool !p_eq !N_of_eq !divr1 mulr1 subr0 /=.
have fifths : 3%:R / 5%:R + 2%:R / 5%:R = 1 :> F by rewrite -mulrDl -natrD divff // pnatr_eq0.
rewrite -[X in `|_ - X|]fifths opprD addNKr normrN ger0_norm ?divr_ge0 ?ler0n // -mulrDl -natrD.
have -> : 3%:R - 1 = 2%:R :> F by rewrite mulrSr addrK.
by rewrite ltr_pdivr_mulr ?ltr0n // mulrAC ltr_pdivl_mulr ?ltr0n // -!natrM ltr_nat.
Qed.
