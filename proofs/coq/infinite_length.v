(* SN5. At infinite length, and then c -> infinity, every score block that the factorised gradient sees is 0.

   A word u holds d successive tokens, kappa(u, s) >= 0 is the probability that u is followed by s: at infinite length
   the frequency of u s. So pi(u) = sum_s kappa(u, s), and tau(s | u) = kappa(u, s) / pi(u) is the kernel. (With d = n-1
   words are contexts; with d = n they reach one token further back, which the query of lag n-1 reads.) Lambda is any
   set of lags. Let u be the end of the sequence. Positions that hold s after the word w are a share kappa(w, s) of all,
   and each has the weight r^(number of lags in Lambda at which w differs from u), r = 1/q = e^-c. So

       a(w, s)      its attention, the weight times kappa(w, s), normalised
       p(s)         = sum_w a(w, s), the prediction
       M_ab[v, v']  = - E_u sum_(w,s) a(w, s) (tau(s | u) / p(s) - 1) 1{x_(T-a) = v} 1{x_(j-b) = v'}

   At r = 0, the limit c -> infinity, M_(l-1),b = 0 and M_a,l = 0 for all l in Lambda and all a, b.     stationary

   Two reasons. If the query reads tokens at lags of Lambda only, the mean of tau(s | u) over all u with these tokens is
   p(s): the tower property. If the key does, the terms of M for one u add up to sum_s tau(s | u) - sum_s p(s) = 0.

   For every number of tokens, every d, Lambda and law kappa. That kappa is stationary, or positive, is not used: with
   x / 0 = 0, terms that divide by 0 have a factor 0. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section InfiniteLength.

Variables (F : realFieldType) (S : finType) (d : nat).
Notation Word := {ffun 'I_d -> S}. (* u i is the token at lag i + 1 before the token that follows *)
Variables (Lambda : {set 'I_d}) (kappa : Word -> S -> F).

Definition pi (u : Word) : F := \sum_s kappa u s.
Definition tau (u : Word) (s : S) : F := kappa u s / pi u.

Definition mismatches (u w : Word) : nat := #|[set l in Lambda | w l != u l]|.
Definition weight (r : F) (u w : Word) (s : S) : F := r ^+ mismatches u w * kappa w s.
Definition attention (r : F) (u w : Word) (s : S) : F := weight r u w s / \sum_w' \sum_s' weight r u w' s'.
Definition prediction (r : F) (u : Word) (s : S) : F := \sum_w attention r u w s.
Definition score (r : F) (u w : Word) (s : S) : F := - (attention r u w s * (tau u s / prediction r u s - 1)).

(* The query of lag a reads x_(T-a), at lag a + 1 before the target. The key of lag b reads s itself (None: b = 0) or
   the token at lag l + 1 before it (Some l: b = l + 1). *)
Definition query (a : 'I_d) (u : Word) : S := u a.
Definition key (b : option 'I_d) (w : Word) (s : S) : S := if b is Some l then w l else s.

Definition block (r : F) (a : 'I_d) (b : option 'I_d) (v v' : S) : F :=
  \sum_u pi u * \sum_w \sum_s score r u w s * ((query a u == v)%:R * (key b w s == v')%:R).

(* Words that agree at the lags of Lambda *)
Definition agree (u w : Word) : bool := mismatches u w == 0%N.

Lemma agreeP (u w : Word) : reflect (forall l, l \in Lambda -> w l = u l) (agree u w).
Proof.
rewrite /agree cards_eq0; apply: (iffP eqP) => [empty l in_L | same].
  by apply/eqP; apply: contraFT (in_set0 l) => differ; rewrite -empty inE in_L.
by apply/setP => l; rewrite !inE; case in_L: (l \in Lambda) => //=; rewrite same // eqxx.
Qed.

Lemma agree_refl u : agree u u.
Proof. exact/agreeP. Qed.

Lemma agree_sym u w : agree u w = agree w u.
Proof. by apply/agreeP/agreeP => same l in_L; rewrite same. Qed.

Lemma agree_trans u v w : agree u v -> agree u w = agree v w.
Proof.
move=> /agreeP uv; apply/agreeP/agreeP => same l in_L; first by rewrite uv ?same.
by rewrite same ?uv.
Qed.

Lemma weight_at_limit u w s : weight 0 u w s = (agree u w)%:R * kappa w s.
Proof. by rewrite /weight expr0n. Qed.

Lemma attention_at_limit u v w s : agree u v -> attention 0 u w s = attention 0 v w s.
Proof.
move=> uv; rewrite /attention !weight_at_limit (agree_trans _ uv); congr (_ / _).
by apply: eq_bigr => w' _; apply: eq_bigr => s' _; rewrite !weight_at_limit (agree_trans _ uv).
Qed.

Hypothesis kappa_ge0 : forall u s, 0 <= kappa u s.

Lemma kappa_le_pi u s : kappa u s <= pi u.
Proof. by rewrite /pi (bigD1 s) //= ler_addl sumr_ge0. Qed.

Lemma pi_ge0 u : 0 <= pi u.
Proof. exact: sumr_ge0. Qed.

Lemma pi_tau u s : pi u * tau u s = kappa u s.
Proof.
rewrite /tau mulrC; have [pi_0 | pi_n0] := eqVneq (pi u) 0; last by rewrite divfK.
by rewrite pi_0 mulr0; apply/esym/le_anti; rewrite kappa_ge0 -pi_0 kappa_le_pi.
Qed.

(* The total weight at the limit is the frequency of the words that agree with u, that of token s is their part. *)
Definition total (u : Word) : F := \sum_(w | agree u w) pi w.
Definition total_of (u : Word) (s : S) : F := \sum_(w | agree u w) kappa w s.

Lemma total_eq u : \sum_w \sum_s weight 0 u w s = total u.
Proof.
rewrite /total [in RHS]big_mkcond; apply: eq_bigr => w _; rewrite (eq_bigr _ (fun s _ => weight_at_limit u w s)).
by rewrite -mulr_sumr -/(pi w); case: (agree u w); rewrite (mul1r, mul0r).
Qed.

Lemma prediction_eq u s : prediction 0 u s = total_of u s / total u.
Proof.
rewrite /prediction /attention total_eq -mulr_suml /total_of [in RHS]big_mkcond; congr (_ / _).
by apply: eq_bigr => w _; rewrite weight_at_limit; case: (agree u w); rewrite (mul1r, mul0r).
Qed.

Lemma total_of_gt0 u w s : agree u w -> kappa w s != 0 -> 0 < total_of u s.
Proof.
move=> uw k_n0; rewrite /total_of (bigD1 w) //= ltr_spaddl ?sumr_ge0 // lt_def k_n0 kappa_ge0 //.
Qed.

Lemma total_gt0 u w s : agree u w -> kappa w s != 0 -> 0 < total u.
Proof.
move=> uw k_n0; apply: lt_le_trans (total_of_gt0 uw k_n0) _.
by apply: ler_sum => w' _; apply: kappa_le_pi.
Qed.

(* The tower property: for whatever reads the end of the sequence at lags of Lambda only. *)
Theorem query_side (phi : Word -> Word -> S -> F) :
  (forall u u' w s, agree u u' -> phi u w s = phi u' w s) ->
  \sum_u pi u * (\sum_w \sum_s score 0 u w s * phi u w s) = 0.
Proof.
move=> reads_Lambda.
under eq_bigr do rewrite mulr_sumr; rewrite exchange_big; apply: big1 => w _ /=.
under eq_bigr do rewrite mulr_sumr; rewrite exchange_big; apply: big1 => s _ /=.
have [k_0 | k_n0] := eqVneq (kappa w s) 0.
  by apply: big1 => u _; rewrite /score /attention {1}/weight k_0 mulr0 !mul0r oppr0 mul0r mulr0.
have term u : pi u * (score 0 u w s * phi u w s) =
    (if agree w u then kappa u s / prediction 0 w s - pi u else 0) * - (attention 0 w w s * phi w w s).
  rewrite /score [agree w u]agree_sym; have [uw | not_uw] := boolP (agree u w); last first.
    by rewrite /attention weight_at_limit (negPf not_uw) !(mul0r, oppr0, mulr0).
  have -> : prediction 0 u s = prediction 0 w s.
    by rewrite /prediction; apply: eq_bigr => w' _; apply: attention_at_limit.
  rewrite (attention_at_limit _ _ uw) (reads_Lambda u w) // -pi_tau.
  rewrite -mulrA -[X in _ = (_ - X) * _]mulr1 -mulrBr -mulrA mulrN; congr (_ * _).
  by rewrite mulNr mulrAC mulrC.
rewrite (eq_bigr _ (fun u _ => term u)) -mulr_suml -big_mkcond sumrB /= -mulr_suml.
rewrite -/(total_of w s) -/(total w) prediction_eq invf_div mulrCA divff ?mulr1 ?subrr ?mul0r //.
by rewrite gt_eqF // (total_of_gt0 (agree_refl w)).
Qed.

(* Normalisation: for whatever reads the word before the key at lags of Lambda only. *)
Theorem key_side (phi : Word -> Word -> S -> F) (psi : Word -> F) :
  (forall u w s, agree u w -> phi u w s = psi u) ->
  \sum_u pi u * (\sum_w \sum_s score 0 u w s * phi u w s) = 0.
Proof.
move=> reads_Lambda; apply: big1 => u _.
have [pi_0 | pi_n0] := eqVneq (pi u) 0; first by rewrite pi_0 mul0r.
suff -> : \sum_w \sum_s score 0 u w s * phi u w s = - psi u * (\sum_s tau u s - \sum_s prediction 0 u s).
  have total_n0 : total u != 0.
    rewrite gt_eqF //; apply: (@lt_le_trans _ _ (pi u)); first by rewrite lt_def pi_n0 pi_ge0.
    by rewrite /total (bigD1 u) ?agree_refl //= ler_addl sumr_ge0 // => w _; apply: pi_ge0.
  rewrite /tau -mulr_suml -/(pi u) divff // (eq_bigr _ (fun s _ => prediction_eq u s)) -mulr_suml.
  by rewrite /total_of exchange_big /= -/(total u) divff // subrr !mulr0.
rewrite exchange_big -sumrB mulr_sumr; apply: eq_bigr => s _.
have term w : score 0 u w s * phi u w s = attention 0 u w s * (- psi u * (tau u s / prediction 0 u s - 1)).
  rewrite /score; have [uw | not_uw] := boolP (agree u w); last first.
    by rewrite /attention weight_at_limit (negPf not_uw) !(mul0r, oppr0).
  by rewrite reads_Lambda // !mulNr mulrN -mulrA [psi u * _]mulrC.
rewrite (eq_bigr _ (fun w _ => term w)) -mulr_suml -/(prediction 0 u s) mulrCA; congr (_ * _).
rewrite mulrBr mulr1; congr (_ - _).
have [tau_0 | tau_n0] := eqVneq (tau u s) 0; first by rewrite tau_0 mul0r mulr0.
have k_n0 : kappa u s != 0 by apply: contraNneq tau_n0 => k_0; rewrite /tau k_0 mul0r.
by rewrite mulrC divfK // prediction_eq mulf_neq0 ?invr_eq0 // gt_eqF //;
  [apply: total_of_gt0 (agree_refl u) k_n0 | apply: total_gt0 (agree_refl u) k_n0].
Qed.

Theorem stationary (a : 'I_d) (b : option 'I_d) (v v' : S) :
  a \in Lambda \/ (exists2 l, l \in Lambda & b = Some l) -> block 0 a b v v' = 0.
Proof.
case=> [a_in | [l l_in ->]].
  by apply: query_side => u u' w s /agreeP same; rewrite /query same.
apply: (key_side (psi := fun u => (query a u == v)%:R * (u l == v')%:R)) => u w s /agreeP same.
by rewrite /key same.
Qed.

End InfiniteLength.
