(* SN1. The derivative of the loss in the logits of softmax attention.

   Positions j < T hold tokens x_j < S. Attention is a = softmax(z), the prediction p(s) sums it over the positions that
   hold s, and P(s) is the predictive probability of the next token. The loss of one sequence is l(z) = -sum P(s) log
   p(s) over the tokens that occur. With rho the sum of P(s) over those tokens,

       dl/dz_j  =  rho a_j - P(x_j) a_j / p(x_j)                    score_identity
       dl/dt  =  sum_j dl/dz_j dz_j/dt  along every curve z(t)       score_along_curve
       softmax(z + c) = softmax(z), and so sum_j dl/dz_j = 0        shift_invariance, scores_sum_to_zero

   for all T, S, x, z and every P, positive or not. Derivatives are limits in the standard Reals. Positions are counted
   from 0 here: the last one is T-1. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums.
Open Scope R_scope.

Section OneSequence.

Variable T size : nat. (* the number of positions, and S, the number of tokens *)
Variable x : nat -> nat. (* the token at each position *)
Variable P : nat -> R. (* the predictive probability of each token *)
Hypothesis tokens : forall j, (j < T)%nat -> (x j < size)%nat.

Definition holds (j s : nat) : bool := Nat.eqb s (x j).

Fixpoint occurs_before (n s : nat) : bool :=
  match n with
  | O => false
  | S j => holds j s || occurs_before j s
  end.

Definition occurs : nat -> bool := occurs_before T.

Definition attention (z : nat -> R) (j : nat) : R := exp (z j) / sum T (fun i => exp (z i)).

Definition prediction (z : nat -> R) (s : nat) : R := sum T (fun j => indicator (holds j s) * attention z j).

Definition loss (z : nat -> R) : R := - sum size (fun s => indicator (occurs s) * (P s * ln (prediction z s))).

Definition rho : R := sum size (fun s => indicator (occurs s) * P s).

Definition score (z : nat -> R) (j : nat) : R := rho * attention z j - P (x j) * attention z j / prediction z (x j).

(* Elementary facts *)

Lemma occurs_spec n s : occurs_before n s = true <-> exists j, (j < n)%nat /\ holds j s = true.
Proof.
  induction n; simpl.
  - split; [discriminate | intros [j [impossible _]]; lia].
  - rewrite Bool.orb_true_iff, IHn. split.
    + intros [last | [j [below here]]]; [exists n | exists j]; split; auto; lia.
    + intros [j [below here]].
      destruct (Nat.eq_dec j n) as [-> | other]; [left | right; exists j; split]; trivial; lia.
Qed.

Lemma held_tokens_occur j : (j < T)%nat -> occurs (x j) = true.
Proof. intros inside; apply occurs_spec; exists j; split; trivial; apply Nat.eqb_refl. Qed.

Lemma weights_positive z : (0 < T)%nat -> 0 < sum T (fun i => exp (z i)).
Proof.
  intros some; apply sum_pos with (k := 0%nat); trivial; intros; [left |]; apply exp_pos.
Qed.

Lemma attention_positive z j : (j < T)%nat -> 0 < attention z j.
Proof.
  intros inside; apply Rmult_lt_0_compat; [apply exp_pos | apply Rinv_0_lt_compat, weights_positive; lia].
Qed.

Lemma attention_sums_to_one z : (0 < T)%nat -> sum T (attention z) = 1.
Proof.
  intros some; pose proof (weights_positive z some).
  rewrite (sum_ext _ _ (fun j => / sum T (fun i => exp (z i)) * exp (z j))).
  - rewrite sum_scale; field; lra.
  - intros; unfold attention; field; lra.
Qed.

Lemma prediction_positive z s : occurs s = true -> 0 < prediction z s.
Proof.
  intros present; apply occurs_spec in present as [j [inside here]].
  apply sum_pos with (k := j); trivial.
  - intros i below; pose proof (attention_positive z i below); unfold indicator; destruct (holds i s); lra.
  - rewrite here; pose proof (attention_positive z j inside); unfold indicator; lra.
Qed.

(* A sum over tokens that occur, of a sum over the positions that hold each, is a sum over positions. *)
Lemma sum_over_tokens_held (f : nat -> R) (g : nat -> R) :
  sum size (fun s => indicator (occurs s) * (f s * sum T (fun j => indicator (holds j s) * g j)))
  = sum T (fun j => f (x j) * g j).
Proof.
  rewrite (sum_ext _ _ (fun s => sum T (fun j => indicator (occurs s) * f s * (indicator (holds j s) * g j)))).
  2: intros; rewrite sum_scale; ring.
  rewrite sum_swap; apply sum_ext; intros j inside.
  rewrite (sum_ext _ _ (fun s => indicator (Nat.eqb s (x j)) * (indicator (occurs s) * f s * g j))).
  2: intros; unfold holds; ring.
  rewrite sum_pick by auto.
  rewrite held_tokens_occur by trivial; unfold indicator; ring.
Qed.

(* Derivatives along a curve z(t) whose logits have the derivatives z' at t *)

Section Curve.

Variable z : R -> nat -> R.
Variable t : R.
Variable z' : nat -> R.
Hypothesis curve : forall j, (j < T)%nat -> derivable_pt_lim (fun t => z t j) t (z' j).

Definition mean : R := sum T (fun i => attention (z t) i * z' i).

Lemma derivative_of_exp j :
  (j < T)%nat -> derivable_pt_lim (fun t => exp (z t j)) t (exp (z t j) * z' j).
Proof.
  intros inside; apply (derivable_pt_lim_comp (fun t => z t j) exp); auto; apply derivable_pt_lim_exp.
Qed.

Lemma derivative_of_attention j :
  (j < T)%nat -> derivable_pt_lim (fun t => attention (z t) j) t (attention (z t) j * (z' j - mean)).
Proof.
  intros inside; pose proof (weights_positive (z t) ltac:(lia)).
  assert (total : sum T (fun i => exp (z t i) * z' i) = sum T (fun i => exp (z t i)) * mean).
  { unfold mean, attention; rewrite <- sum_scale; apply sum_ext; intros; field; lra. }
  replace (attention (z t) j * (z' j - mean)) with
    ((exp (z t j) * z' j * sum T (fun i => exp (z t i)) - sum T (fun i => exp (z t i) * z' i) * exp (z t j))
     / Rsqr (sum T (fun i => exp (z t i)))).
  - apply (derivable_pt_lim_div (fun t => exp (z t j)) (fun t => sum T (fun i => exp (z t i)))).
    + apply derivative_of_exp; trivial.
    + apply derivative_of_sum; intros; apply derivative_of_exp; trivial.
    + lra.
  - rewrite total; unfold attention, Rsqr; field; lra.
Qed.

Lemma derivative_of_prediction s :
  derivable_pt_lim (fun t => prediction (z t) s) t
    (sum T (fun j => indicator (holds j s) * (attention (z t) j * z' j)) - prediction (z t) s * mean).
Proof.
  replace (_ - _) with (sum T (fun j => indicator (holds j s) * (attention (z t) j * (z' j - mean)))).
  - apply derivative_of_sum; intros j inside.
    apply (derivable_pt_lim_scal (fun t => attention (z t) j)); apply derivative_of_attention; trivial.
  - unfold prediction; rewrite Rmult_comm, <- sum_scale, <- sum_sub; apply sum_ext; intros; ring.
Qed.

Theorem score_along_curve :
  derivable_pt_lim (fun t => loss (z t)) t (sum T (fun j => score (z t) j * z' j)).
Proof.
  set (g := fun j => attention (z t) j * z' j).
  set (inner := fun s => sum T (fun j => indicator (holds j s) * g j)).
  replace (sum T (fun j => score (z t) j * z' j)) with
    (- sum size (fun s =>
       indicator (occurs s) * (P s * (/ prediction (z t) s * (inner s - prediction (z t) s * mean))))).
  - apply (derivable_pt_lim_opp (fun t => sum size (fun s => indicator (occurs s) * (P s * ln (prediction (z t) s))))).
    apply (derivative_of_sum _ (fun s t => indicator (occurs s) * (P s * ln (prediction (z t) s)))).
    intros s _; destruct (occurs s) eqn:present; unfold indicator.
    + apply (derivable_pt_lim_scal (fun t => P s * ln (prediction (z t) s))).
      apply (derivable_pt_lim_scal (fun t => ln (prediction (z t) s))).
      apply (derivable_pt_lim_comp (fun t => prediction (z t) s) ln).
      * apply derivative_of_prediction.
      * apply derivable_pt_lim_ln, prediction_positive, present.
    + replace (0 * _) with 0 by ring.
      apply derivable_pt_lim_ext with (f := fct_cte 0); [intros; unfold fct_cte; ring | apply derivable_pt_lim_const].
  - rewrite (sum_ext T _ (fun j => rho * g j - P (x j) / prediction (z t) (x j) * g j)).
    2: intros j inside; unfold score, g; field; apply Rgt_not_eq, prediction_positive, held_tokens_occur; trivial.
    rewrite sum_sub, sum_scale.
    rewrite <- (sum_over_tokens_held (fun s => P s / prediction (z t) s) g).
    fold mean; change (sum T g) with mean.
    rewrite (sum_ext size _ (fun s =>
      indicator (occurs s) * (P s / prediction (z t) s * inner s) - mean * (indicator (occurs s) * P s))).
    + rewrite sum_sub, sum_scale; unfold rho, inner; ring.
    + intros s _; destruct (occurs s) eqn:present; unfold indicator; [| ring].
      field; apply Rgt_not_eq, prediction_positive, present.
Qed.

End Curve.

(* Whatever depends on the logits reads those of the T positions alone. *)
Lemma attention_ext z z' j : (forall i, (i < T)%nat -> z i = z' i) -> (j < T)%nat -> attention z j = attention z' j.
Proof.
  intros same inside; unfold attention; rewrite (same j) by trivial.
  rewrite (sum_ext T (fun i => exp (z i)) (fun i => exp (z' i))); trivial.
  intros i below; rewrite (same i); trivial.
Qed.

Lemma prediction_ext z z' s : (forall i, (i < T)%nat -> z i = z' i) -> prediction z s = prediction z' s.
Proof. intros same; apply sum_ext; intros; rewrite (attention_ext z z'); trivial. Qed.

Lemma score_ext z z' j : (forall i, (i < T)%nat -> z i = z' i) -> (j < T)%nat -> score z j = score z' j.
Proof.
  intros same inside; unfold score; rewrite (attention_ext z z'), (prediction_ext z z'); trivial.
Qed.

(* The partial derivative in the logit of position j, all others fixed *)
Theorem score_identity z j :
  (j < T)%nat ->
  derivable_pt_lim (fun t => loss (fun i => if i =? j then t else z i)) (z j)
    (rho * attention z j - P (x j) * attention z j / prediction z (x j)).
Proof.
  intros inside; fold (score z j).
  set (curve := fun t i => if i =? j then t else z i).
  assert (through : forall i, curve (z j) i = z i).
  { intros i; unfold curve; destruct (Nat.eqb_spec i j) as [-> |]; trivial. }
  replace (score z j) with (sum T (fun i => score (curve (z j)) i * indicator (i =? j))).
  - apply (score_along_curve curve); intros i _; unfold curve, indicator; destruct (i =? j).
    + apply derivable_pt_lim_id.
    + apply derivable_pt_lim_const.
  - rewrite (sum_ext _ _ (fun i => indicator (i =? j) * score z i)).
    + apply sum_pick; trivial.
    + intros i below; rewrite (score_ext (curve (z j)) z); auto; ring.
Qed.

(* Softmax does not see a shift of all logits; so the derivatives add up to 0. *)
Theorem shift_invariance z c j : attention (fun i => z i + c) j = attention z j.
Proof.
  unfold attention; rewrite exp_plus.
  rewrite (sum_ext _ _ (fun i => exp c * exp (z i))) by (intros; rewrite exp_plus; ring).
  rewrite sum_scale; pose proof (exp_pos c).
  destruct (Nat.eq_dec T 0) as [-> | some]; simpl.
  - unfold Rdiv; rewrite Rmult_0_r, Rinv_0; ring.
  - pose proof (weights_positive z ltac:(lia)); field; lra.
Qed.

Theorem scores_sum_to_zero z : sum T (score z) = 0.
Proof.
  assert (shift : derivable_pt_lim (fun t => loss (fun i => z i + t)) 0 (sum T (score z))).
  { replace (sum T (score z)) with (sum T (fun j => score (fun i => z i + 0) j * 1)).
    - apply (score_along_curve (fun t i => z i + t)); intros.
      replace 1 with (0 + 1) by ring.
      apply (derivable_pt_lim_plus (fct_cte (z j)) id); [apply derivable_pt_lim_const | apply derivable_pt_lim_id].
    - apply sum_ext; intros; rewrite (score_ext (fun i => z i + 0) z) by (intros; ring || trivial); ring. }
  apply (uniqueness_limite (fun t => loss (fun i => z i + t)) 0); trivial.
  apply derivable_pt_lim_ext with (f := fct_cte (loss z)); [intros t; unfold fct_cte | apply derivable_pt_lim_const].
  unfold loss, prediction; f_equal; apply sum_ext; intros; do 3 f_equal.
  apply sum_ext; intros; rewrite shift_invariance; trivial.
Qed.

End OneSequence.
