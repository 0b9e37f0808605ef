(* Lemma 3 of "Every finite length". Visits along one sequence, and under a stationary law.

   Items C_0, ..., C_(m-1) fall into K classes, N_t is the number of those up to t, t included, that are in the class of
   item t, r >= 1, and phi(x) = x (1 + log(1/x)) for x < 1, else 1. Then

       sum_t r / (N_t - 1 + r)  <=  sum_t min(1, r / N_t)  <=  m phi(K r / m)          visits_below_minimum, visits

   and if the items are random, on a finite space, and their law is stationary (the first t items have the law of the t
   items that begin one later), then for the last of them

       E r / (N - 1 + r)  <=  phi(K r / m).                                                         stationary_visits

   For all m >= 1, K, r >= 1. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums.
Open Scope R_scope.

Definition phi (x : R) : R := if Rlt_dec x 1 then x * (1 + ln (1 / x)) else 1.

(* N_t *)
Definition N (C : nat -> nat) (t : nat) : nat := count (S t) (fun i => C i =? C t).

Lemma ln_le u : 0 < u -> ln u <= u - 1.
Proof.
  intros positive; pose proof (exp_ineq1_le (ln u)) as below; rewrite exp_ln in below by trivial; lra.
Qed.

Lemma ln_ge u : 0 < u -> 1 - / u <= ln u.
Proof.
  intros positive; pose proof (ln_le (/ u) (Rinv_0_lt_compat u positive)) as below.
  rewrite ln_Rinv in below by trivial; lra.
Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  intros below; apply Rminus_le; rewrite <- sum_sub.
  assert (0 <= sum n (fun i => g i - f i)) by (apply sum_nonneg; intros i inside; pose proof (below i inside); lra).
  rewrite sum_sub in *; lra.
Qed.

Lemma sum_constant n u : sum n (fun _ => u) = INR n * u.
Proof. induction n; [simpl; ring | rewrite S_INR; simpl; rewrite IHn; ring]. Qed.

Section Visits.

Variable r : R.
Hypothesis r_ge1 : 1 <= r.

(* N visits of one class contribute this *)
Definition visited (n : nat) : R := sum n (fun i => Rmin 1 (r / INR (S i))).

(* the integral of min(1, r/x) from 0 to u *)
Definition area (u : R) : R := if Rle_dec u r then u else r + r * ln (u / r).

Lemma area_step (i : nat) : area (INR i) + Rmin 1 (r / INR (S i)) <= area (INR (S i)).
Proof.
  pose proof (pos_INR i); rewrite S_INR; set (u := INR i) in *.
  unfold area; destruct (Rle_dec u r) as [low | high], (Rle_dec (u + 1) r) as [low1 | high1]; try lra.
  - pose proof (Rmin_l 1 (r / (u + 1))); lra.
  - pose proof (Rmin_r 1 (r / (u + 1))) as small.
    assert (ln_bound : 1 - / ((u + 1) / r) <= ln ((u + 1) / r)) by (apply ln_ge, Rdiv_lt_0_compat; lra).
    replace (/ ((u + 1) / r)) with (r / (u + 1)) in ln_bound by (field; lra).
    assert (u + r / (u + 1) <= r + r * (1 - r / (u + 1))); [| nra].
    apply Rmult_le_reg_r with (u + 1); [lra |].
    replace ((u + r / (u + 1)) * (u + 1)) with (u * (u + 1) + r) by (field; lra).
    replace ((r + r * (1 - r / (u + 1))) * (u + 1)) with (2 * r * (u + 1) - r * r) by (field; lra).
    assert (0 <= (u + 1 - r) * (r - u)) by (apply Rmult_le_pos; lra); lra.
  - pose proof (Rmin_r 1 (r / (u + 1))) as small.
    assert (0 < u) by lra.
    assert (ln_bound : 1 - / ((u + 1) / u) <= ln ((u + 1) / u)) by (apply ln_ge, Rdiv_lt_0_compat; lra).
    replace (/ ((u + 1) / u)) with (1 - / (u + 1)) in ln_bound by (field; lra).
    replace ((u + 1) / r) with ((u + 1) / u * (u / r)) by (field; lra).
    rewrite ln_mult by (apply Rdiv_lt_0_compat; lra).
    change (r / (u + 1)) with (r * / (u + 1)) in small.
    assert (r * / (u + 1) <= r * ln ((u + 1) / u)) by (apply Rmult_le_compat_l; lra); lra.
Qed.

Lemma visited_le_area n : visited n <= area (INR n).
Proof.
  induction n as [| n IH].
  - unfold visited, area; simpl; destruct (Rle_dec 0 r); lra.
  - change (visited n + Rmin 1 (r / INR (S n)) <= area (INR (S n))); pose proof (area_step n); lra.
Qed.

(* the tangent at s of the concave area *)
Lemma area_le_tangent s u : r <= s -> 0 <= u -> area u <= r * ln (s / r) + u * (r / s).
Proof.
  intros above nonneg; assert (0 < r / s) by (apply Rdiv_lt_0_compat; lra).
  assert (ln_s : 1 - / (s / r) <= ln (s / r)) by (apply ln_ge, Rdiv_lt_0_compat; lra).
  replace (/ (s / r)) with (r / s) in ln_s by (field; lra).
  assert (r / s <= 1) by (apply Rmult_le_reg_r with s; [lra |]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra; lra).
  unfold area; destruct (Rle_dec u r) as [low | high].
  - assert (0 <= (r - u) * (1 - r / s)) by (apply Rmult_le_pos; lra); nra.
  - assert (ln_u : ln (u / s) <= u / s - 1) by (apply ln_le, Rdiv_lt_0_compat; lra).
    replace (u / r) with (s / r * (u / s)) by (field; lra).
    rewrite ln_mult by (apply Rdiv_lt_0_compat; lra).
    replace (u * (r / s)) with (r * (u / s)) by (field; lra); nra.
Qed.

Lemma visits_below_minimum (k : nat) : (1 <= k)%nat -> r / (INR k - 1 + r) <= Rmin 1 (r / INR k).
Proof.
  intros some; assert (1 <= INR k) by (apply (le_INR 1); trivial).
  assert (0 < / (INR k - 1 + r)) by (apply Rinv_0_lt_compat; lra).
  apply Rmin_glb.
  - apply Rmult_le_reg_r with (INR k - 1 + r); [lra |].
    replace (r / (INR k - 1 + r) * (INR k - 1 + r)) with r by (field; lra); lra.
  - unfold Rdiv; apply Rmult_le_compat_l; [lra |]; apply Rinv_le_contravar; lra.
Qed.

Lemma N_ge1 C t : (1 <= N C t)%nat.
Proof. unfold N; simpl; rewrite Nat.eqb_refl; lia. Qed.

(* The sum over items, class by class *)
Lemma sum_by_class (C : nat -> nat) (K m : nat) :
  (forall t, (t < m)%nat -> (C t < K)%nat) ->
  sum m (fun t => Rmin 1 (r / INR (N C t))) = sum K (fun k => visited (count m (fun i => C i =? k))).
Proof.
  induction m as [| m IH]; intros classes.
  - simpl; symmetry; apply sum_zero; intros; unfold visited; simpl; trivial.
  - simpl sum at 1; rewrite IH by auto.
    rewrite (sum_ext K (fun k => visited (count (S m) (fun i => C i =? k))) (fun k =>
      visited (count m (fun i => C i =? k)) + indicator (k =? C m) * Rmin 1 (r / INR (N C m)))).
    + rewrite sum_add, (sum_pick K (C m) (fun _ => Rmin 1 (r / INR (N C m)))) by auto; trivial.
    + intros k _; destruct (Nat.eqb_spec k (C m)) as [-> | other].
      * assert (one_more : count (S m) (fun i => C i =? C m) = S (count m (fun i => C i =? C m))).
        { simpl; rewrite Nat.eqb_refl; trivial. }
        unfold N; rewrite one_more; unfold indicator; rewrite Rmult_1_l; trivial.
      * assert (no_more : count (S m) (fun i => C i =? k) = count m (fun i => C i =? k)).
        { simpl; destruct (Nat.eqb_spec (C m) k); [congruence | trivial]. }
        rewrite no_more; unfold indicator; ring.
Qed.

Lemma sum_of_counts (C : nat -> nat) (K m : nat) :
  (forall t, (t < m)%nat -> (C t < K)%nat) -> sum K (fun k => INR (count m (fun i => C i =? k))) = INR m.
Proof.
  intros classes; rewrite (sum_ext K _ (fun k => sum m (fun i => indicator (C i =? k)))) by (intros; apply count_as_sum).
  rewrite sum_swap, <- (Rmult_1_r (INR m)), <- sum_constant; apply sum_ext; intros t inside.
  rewrite (sum_ext K _ (fun k => indicator (k =? C t) * 1)).
  - apply (sum_pick K (C t) (fun _ => 1)); auto.
  - intros; rewrite Nat.eqb_sym; ring.
Qed.

Theorem visits (C : nat -> nat) (K m : nat) :
  (0 < m)%nat -> (forall t, (t < m)%nat -> (C t < K)%nat) ->
  sum m (fun t => r / (INR (N C t) - 1 + r)) <= sum m (fun t => Rmin 1 (r / INR (N C t)))
  /\ sum m (fun t => Rmin 1 (r / INR (N C t))) <= INR m * phi (INR K * r / INR m).
Proof.
  intros some classes; split; [apply sum_le; intros; apply visits_below_minimum, N_ge1 |].
  assert (m_pos : 0 < INR m) by (apply lt_0_INR; trivial).
  assert (K_pos : 1 <= INR K) by (apply (le_INR 1); pose proof (classes 0%nat some); lia).
  unfold phi; destruct (Rlt_dec (INR K * r / INR m) 1) as [few | many].
  - rewrite (sum_by_class C K m classes).
    set (s := INR m / INR K).
    assert (above : r <= s).
    { unfold s; apply Rmult_le_reg_r with (INR K / INR m); [apply Rdiv_lt_0_compat; lra |].
      replace (INR m / INR K * (INR K / INR m)) with 1 by (field; lra).
      replace (r * (INR K / INR m)) with (INR K * r / INR m) by (field; lra); lra. }
    apply Rle_trans with (sum K (fun k => r * ln (s / r) + (r / s) * INR (count m (fun i => C i =? k)))).
    + apply sum_le; intros k _; apply Rle_trans with (1 := visited_le_area _).
      pose proof (area_le_tangent s (INR (count m (fun i => C i =? k))) above (pos_INR _)); lra.
    + rewrite sum_add, sum_constant, sum_scale, sum_of_counts by trivial.
      replace (1 / (INR K * r / INR m)) with (s / r) by (unfold s; field; lra).
      right; unfold s; field; lra.
  - apply Rle_trans with (sum m (fun _ => 1)); [apply sum_le; intros; apply Rmin_l |].
    rewrite sum_constant; lra.
Qed.

(* A finite probability space; items C(o, t) of its outcomes o *)
Section Stationary.

Variables (outcomes K m : nat) (p : nat -> R) (C : nat -> nat -> nat).
Hypothesis p_nonneg : forall o, (o < outcomes)%nat -> 0 <= p o.
Hypothesis p_sum : sum outcomes p = 1.
Hypothesis classes : forall o t, (o < outcomes)%nat -> (t < m)%nat -> (C o t < K)%nat.

(* E G(C_0, C_1, ...) *)
Definition expectation (G : (nat -> nat) -> R) : R := sum outcomes (fun o => p o * G (C o)).
Definition expectation_later (G : (nat -> nat) -> R) : R := sum outcomes (fun o => p o * G (fun t => C o (S t))).

(* G reads the first t items alone *)
Definition reads (t : nat) (G : (nat -> nat) -> R) : Prop :=
  forall D D', (forall i, (i < t)%nat -> D i = D' i) -> G D = G D'.

Definition stationary : Prop := forall t G, (S t <= m)%nat -> reads t G -> expectation G = expectation_later G.

Definition last_item (t : nat) (D : nat -> nat) : R := r / (INR (N D t) - 1 + r).

Lemma count_ext k (b b' : nat -> bool) : (forall i, (i < k)%nat -> b i = b' i) -> count k b = count k b'.
Proof. induction k; simpl; intros same; trivial; rewrite (same k), IHk; auto. Qed.

Lemma last_item_reads t : reads (S t) (last_item t).
Proof.
  intros D D' same; unfold last_item, N; do 4 f_equal; apply count_ext; intros i below.
  rewrite !same by lia; trivial.
Qed.

Lemma count_first k b : (count k (fun i => b (S i)) <= count (S k) b)%nat.
Proof. induction k; simpl in *; [lia |]. destruct (b (S k)); lia. Qed.

(* A longer window counts more. *)
Lemma longer_window D t : last_item (S t) D <= last_item t (fun i => D (S i)).
Proof.
  unfold last_item; apply Rmult_le_compat_l; [lra |].
  pose proof (N_ge1 (fun i => D (S i)) t) as some; apply (le_INR 1) in some; simpl INR in some.
  apply Rinv_le_contravar; [lra |].
  assert (INR (N (fun i => D (S i)) t) <= INR (N D (S t))); [| lra].
  apply le_INR; unfold N; apply (count_first (S t) (fun i => D i =? D (S t))).
Qed.

Lemma expectation_falls t :
  stationary -> (S (S t) <= m)%nat -> expectation (last_item (S t)) <= expectation (last_item t).
Proof.
  intros stays inside; rewrite (stays (S t) (last_item t) inside (last_item_reads t)).
  apply sum_le; intros o here; apply Rmult_le_compat_l; auto; apply longer_window.
Qed.

Lemma last_is_least t : stationary -> (S t <= m)%nat -> expectation (last_item (m - 1)) <= expectation (last_item t).
Proof.
  intros stays; assert (forall d, (d < m)%nat -> expectation (last_item (m - 1)) <= expectation (last_item (m - 1 - d))).
  { induction d as [| d IH]; intros below; [replace (m - 1 - 0)%nat with (m - 1)%nat by lia; lra |].
    apply Rle_trans with (1 := IH ltac:(lia)).
    replace (m - 1 - d)%nat with (S (m - 1 - S d)) by lia; apply expectation_falls; trivial; lia. }
  intros inside; replace t with (m - 1 - (m - 1 - t))%nat at 1 by lia; apply H; lia.
Qed.

Theorem stationary_visits :
  (0 < m)%nat -> stationary ->
  expectation (fun D => r / (INR (N D (m - 1)) - 1 + r)) <= phi (INR K * r / INR m).
Proof.
  intros some stays; change (expectation (last_item (m - 1)) <= phi (INR K * r / INR m)).
  assert (m_pos : 0 < INR m) by (apply lt_0_INR; trivial).
  apply Rmult_le_reg_l with (INR m); trivial.
  apply Rle_trans with (sum m (fun t => expectation (last_item t))).
  - rewrite <- sum_constant; apply sum_le; intros t inside; apply last_is_least; trivial; lia.
  - unfold expectation; rewrite sum_swap.
    apply Rle_trans with (sum outcomes (fun o => p o * (INR m * phi (INR K * r / INR m)))).
    + apply sum_le; intros o here; rewrite sum_scale; apply Rmult_le_compat_l; auto.
      destruct (visits (C o) K m some) as [below above]; [intros; apply classes; trivial |].
      unfold last_item; lra.
    + rewrite (sum_ext _ _ (fun o => (INR m * phi (INR K * r / INR m)) * p o)) by (intros; ring).
      rewrite sum_scale, p_sum; lra.
Qed.

End Stationary.

End Visits.
