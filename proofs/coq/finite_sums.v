(* Finite sums of real numbers: sum n f = f 0 + ... + f (n-1). *)

From Coq Require Import Reals Lra Lia.
Open Scope R_scope.

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S m => sum m f + f m
  end.

(* 1 where b holds, else 0 *)
Definition indicator (b : bool) : R := if b then 1 else 0.

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n; simpl; intros same; trivial.
  rewrite IHn, (same n); auto.
Qed.

Lemma sum_zero n f : (forall i, (i < n)%nat -> f i = 0) -> sum n f = 0.
Proof.
  induction n; simpl; intros zero; trivial.
  rewrite IHn, (zero n); auto; lra.
Qed.

Lemma sum_add n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n; simpl; [lra | rewrite IHn; lra]. Qed.

Lemma sum_sub n f g : sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. induction n; simpl; [lra | rewrite IHn; lra]. Qed.

Lemma sum_scale n c f : sum n (fun i => c * f i) = c * sum n f.
Proof. induction n; simpl; [lra | rewrite IHn; lra]. Qed.

Lemma sum_swap n m f : sum n (fun i => sum m (fun j => f i j)) = sum m (fun j => sum n (fun i => f i j)).
Proof.
  induction n; simpl.
  - symmetry; apply sum_zero; trivial.
  - rewrite IHn, <- sum_add; trivial.
Qed.

(* Only one term counts. *)
Lemma sum_pick n k f : (k < n)%nat -> sum n (fun i => indicator (Nat.eqb i k) * f i) = f k.
Proof.
  unfold indicator; induction n; simpl; intros inside; [lia |].
  destruct (Nat.eqb_spec n k) as [-> | other].
  - rewrite sum_zero; [lra | intros i below].
    destruct (Nat.eqb_spec i k); [lia | lra].
  - rewrite IHn; [lra | lia].
Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  induction n; simpl; intros nonneg; [lra |].
  assert (0 <= f n) by auto.
  assert (0 <= sum n f) by auto.
  lra.
Qed.

Lemma sum_pos n f k : (forall i, (i < n)%nat -> 0 <= f i) -> (k < n)%nat -> 0 < f k -> 0 < sum n f.
Proof.
  induction n; simpl; intros nonneg inside positive; [lia |].
  assert (0 <= sum n f) by (apply sum_nonneg; auto).
  destruct (Nat.eq_dec k n) as [-> | other]; [lra |].
  assert (0 < sum n f) by (apply IHn; auto; lia).
  assert (0 <= f n) by auto.
  lra.
Qed.

(* The derivative of a finite sum is the sum of the derivatives. *)
Lemma derivative_of_sum n (f : nat -> R -> R) (t : R) (f' : nat -> R) :
  (forall i, (i < n)%nat -> derivable_pt_lim (f i) t (f' i)) ->
  derivable_pt_lim (fun t => sum n (fun i => f i t)) t (sum n f').
Proof.
  induction n; simpl; intros terms.
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_plus (fun t => sum n (fun i => f i t)) (f n)); auto.
Qed.

(* The number of i < n that have the property b *)
Fixpoint count (n : nat) (b : nat -> bool) : nat :=
  match n with
  | O => 0
  | S m => (if b m then 1 else 0) + count m b
  end.

Lemma count_as_sum n b : INR (count n b) = sum n (fun i => indicator (b i)).
Proof.
  induction n; simpl count; [trivial |].
  rewrite plus_INR, IHn; unfold indicator; simpl; destruct (b n); simpl; ring.
Qed.
