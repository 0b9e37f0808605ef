(* Lemma 0 of "Every finite length". A block of one sequence is a mean over a drawn label.

   Attention weighs key j with w_j = exp z_j (at the configuration q^m_j; the page divides by q^L, which means do not
   see). Give every key a number psi_j, and for a label y let

       Phi(y)  =  mean of psi over all keys  -  mean of psi over the keys with x_j = y,   and 0 if there are no such keys.

   Then, with the derivatives dl/dz_j of score_identity.v and P the law of the next token,

       sum_j dl/dz_j psi_j                =  sum_y P(y) Phi(y)                                            sampled_label
       sum_(v,v') f(v,v') M_ab[v,v']      =  sum_y P(y) Phi(y)   for psi_j = f(x_(T-a), x_(j-b))  block_by_sampled_label

   where psi_j = 0 if one of the two tokens does not exist. If psi is in [0, 1], |Phi| <= 1.      difference_at_most_one
   For all T, S, x, z, P, f. Positions are counted from 0 below: T stands for T-1. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums score_identity score_blocks.
Open Scope R_scope.

Section SampledLabel.

Variable T size : nat. (* positions, tokens *)
Variable x : nat -> nat.
Variable P : nat -> R.
Hypothesis tokens : forall j, (j < T)%nat -> (x j < size)%nat.

(* The mean of psi over the keys in A *)
Definition mean (z psi : nat -> R) (A : nat -> bool) : R :=
  sum T (fun j => indicator (A j) * (exp (z j) * psi j)) / sum T (fun j => indicator (A j) * exp (z j)).

Definition all_keys (j : nat) : bool := true.
Definition keys_with (y j : nat) : bool := holds x j y.

Definition Phi (z psi : nat -> R) (y : nat) : R :=
  if occurs T x y then mean z psi all_keys - mean z psi (keys_with y) else 0.

Lemma mean_by_attention z psi A :
  (0 < T)%nat ->
  mean z psi A
  = sum T (fun j => indicator (A j) * (attention T z j * psi j)) / sum T (fun j => indicator (A j) * attention T z j).
Proof.
  intros some; pose proof (weights_positive T z some) as Z; unfold mean, attention.
  set (total := sum T (fun i => exp (z i))) in *.
  rewrite (sum_ext T (fun j => indicator (A j) * (exp (z j) / total * psi j))
    (fun j => / total * (indicator (A j) * (exp (z j) * psi j)))) by (intros; field; lra).
  rewrite (sum_ext T (fun j => indicator (A j) * (exp (z j) / total)) (fun j => / total * (indicator (A j) * exp (z j))))
    by (intros; field; lra).
  rewrite !sum_scale; unfold Rdiv; rewrite Rinv_mult, Rinv_inv.
  match goal with |- ?X * ?Y = / total * ?X * (total * ?Y) => transitivity (/ total * total * (X * Y)); [| ring] end.
  rewrite Rinv_l by lra; ring.
Qed.

Theorem sampled_label z psi :
  sum T (fun j => score T size x P z j * psi j) = sum size (fun y => P y * Phi z psi y).
Proof.
  destruct (Nat.eq_dec T 0) as [none | some].
  - rewrite none; simpl; symmetry; apply sum_zero; intros y _; unfold Phi; rewrite none; simpl; ring.
  - set (a := attention T z); set (p := prediction T x z).
    rewrite (sum_ext T _ (fun j => rho T size x P * (a j * psi j) - P (x j) / p (x j) * (a j * psi j))).
    2: intros j inside; unfold score, a, p; field; apply Rgt_not_eq, prediction_positive, held_tokens_occur; trivial.
    rewrite sum_sub, sum_scale.
    rewrite <- (sum_over_tokens_held T size x tokens (fun s => P s / p s) (fun j => a j * psi j)).
    unfold rho; rewrite Rmult_comm, <- sum_scale, <- sum_sub; apply sum_ext; intros y _.
    unfold Phi; destruct (occurs T x y) eqn:present; unfold indicator at 1 2; [| ring].
    rewrite !mean_by_attention by lia; fold a; unfold all_keys, keys_with.
    rewrite (sum_ext T (fun j => indicator true * a j) a) by (intros; unfold indicator; ring).
    rewrite (sum_ext T (fun j => indicator true * (a j * psi j)) (fun j => a j * psi j))
      by (intros; unfold indicator; ring).
    pose proof (attention_sums_to_one T z ltac:(lia)) as one; fold a in one; rewrite one.
    change (sum T (fun j => indicator (holds x j y) * a j)) with (p y).
    field; apply Rgt_not_eq, prediction_positive, present.
Qed.

(* psi_j = f(x_(T-a), x_(j-b)) *)
Definition read (a b : nat) (f : nat -> nat -> R) (j : nat) : R :=
  if (a <=? T - 1) && (b <=? j) then f (x (T - 1 - a)) (x (j - b)) else 0.

Lemma read_by_tokens a b f j :
  (j < T)%nat ->
  sum size (fun v => sum size (fun v' => f v v' * (token_is x (T - 1) a v * token_is x j b v'))) = read a b f j.
Proof.
  intros inside; unfold read, token_is.
  destruct (Nat.leb_spec a (T - 1)), (Nat.leb_spec b j); simpl.
  2-4: apply sum_zero; intros; apply sum_zero; intros; unfold indicator; ring.
  rewrite (sum_ext _ _ (fun v => indicator (v =? x (T - 1 - a)) *
    sum size (fun v' => indicator (v' =? x (j - b)) * f v v'))).
  - rewrite !sum_pick; trivial; apply tokens; lia.
  - intros v _; rewrite <- sum_scale; apply sum_ext; intros v' _.
    rewrite (Nat.eqb_sym (x (T - 1 - a))), (Nat.eqb_sym (x (j - b))); ring.
Qed.

(* The block tested against f *)
Definition tested (z : nat -> R) (a b : nat) (f : nat -> nat -> R) : R :=
  sum size (fun v => sum size (fun v' => f v v' * block T size x P z a b v v')).

Theorem block_by_sampled_label z a b f : tested z a b f = sum size (fun y => P y * Phi z (read a b f) y).
Proof.
  rewrite <- sampled_label; unfold tested, block.
  rewrite (sum_ext size _ (fun v => sum T (fun j =>
    score T size x P z j * sum size (fun v' => f v v' * (token_is x (T - 1) a v * token_is x j b v'))))).
  - rewrite sum_swap; apply sum_ext; intros j inside; rewrite sum_scale, read_by_tokens by trivial; trivial.
  - intros v _.
    rewrite (sum_ext size _ (fun v' => sum T (fun j =>
      score T size x P z j * (f v v' * (token_is x (T - 1) a v * token_is x j b v'))))).
    + rewrite sum_swap; apply sum_ext; intros; rewrite sum_scale; trivial.
    + intros v' _; rewrite <- sum_scale; apply sum_ext; intros; ring.
Qed.

Lemma mean_range z psi A : (forall j, (j < T)%nat -> 0 <= psi j <= 1) -> 0 <= mean z psi A <= 1.
Proof.
  intros range; unfold mean.
  set (X := sum T (fun j => indicator (A j) * (exp (z j) * psi j))).
  set (Z := sum T (fun j => indicator (A j) * exp (z j))).
  assert (0 <= X).
  { apply sum_nonneg; intros j inside; pose proof (exp_pos (z j)); pose proof (range j inside).
    unfold indicator; destruct (A j); nra. }
  assert (0 <= Z - X).
  { unfold Z, X; rewrite <- sum_sub; apply sum_nonneg; intros j inside.
    pose proof (exp_pos (z j)); pose proof (range j inside); unfold indicator; destruct (A j); nra. }
  destruct (Req_dec Z 0) as [zero | nonzero].
  - rewrite zero; unfold Rdiv; rewrite Rinv_0; lra.
  - assert (0 < / Z) by (apply Rinv_0_lt_compat; lra).
    replace (X / Z) with (X * / Z) by trivial; split; [nra |].
    replace 1 with (Z * / Z) by (field; lra); nra.
Qed.

Theorem difference_at_most_one z psi y : (forall j, (j < T)%nat -> 0 <= psi j <= 1) -> Rabs (Phi z psi y) <= 1.
Proof.
  intros range; unfold Phi; destruct (occurs T x y); [| rewrite Rabs_R0; lra].
  pose proof (mean_range z psi all_keys range); pose proof (mean_range z psi (keys_with y) range).
  apply Rabs_le; lra.
Qed.

End SampledLabel.
