(* Lemma 6 of "Every finite length". One sequence, blocks whose key token is at a lag of Lambda (type I).

   Logits are z_j = c m_j, with m_j the number of lags in Lambda at which position j agrees with the end of the sequence
   (chain_rule.v proves that the network has these logits), so key j has weight q^m_j, q = e^c. Let b be in Lambda, a any
   lag and 0 <= f <= 1. For a label y let N be the number of words of the target's class, the target among them:

       N  =  1 + #{j : n <= j <= T, position j matches at all lags of Lambda, x_j = y}.

   With r = max(1, T/q), the difference Phi(y) of sampled_label.v and the block of the sequence obey

       |Phi(y)|  <=  r / (N - 1 + r)                                                                 type_one_difference
       |sum_(v,v') f(v,v') M_ab[v,v']|  <=  sum_y P(y) r / (N_y - 1 + r)                               type_one_block

   For all T, S, n, Lambda, x, c >= 0, f and every law P. Positions are counted from 0 below: T stands for T-1. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums score_identity score_blocks chain_rule sampled_label.
Open Scope R_scope.

(* A mean of weight big + rest, where psi is constant on the first part, is not far below that constant. *)
Lemma mean_above (psi small big X rest rho : R) :
  0 <= psi -> 0 <= X -> rest <= rho -> 0 <= rest -> 0 <= small <= big -> 0 < rho -> 0 < big + rest ->
  small * psi / (small + rho) <= (big * psi + X) / (big + rest).
Proof.
  intros Hpsi HX Hrest Hrest0 [Hs Hsb] Hrho Hpos.
  apply Rmult_le_reg_r with ((small + rho) * (big + rest)); [apply Rmult_lt_0_compat; lra |].
  replace (small * psi / (small + rho) * ((small + rho) * (big + rest))) with (small * psi * (big + rest))
    by (field; lra).
  replace ((big * psi + X) / (big + rest) * ((small + rho) * (big + rest))) with ((big * psi + X) * (small + rho))
    by (field; lra).
  assert (small * rest <= big * rho) by (apply Rmult_le_compat; lra).
  assert (0 <= psi * (big * rho - small * rest)) by (apply Rmult_le_pos; lra).
  assert (0 <= X * (small + rho)) by (apply Rmult_le_pos; lra).
  nra.
Qed.

Section TypeOne.

Variable T size n : nat. (* positions, tokens, lags *)
Variable x : nat -> nat.
Variable P : nat -> R.
Variable lag : nat -> bool. (* Lambda *)
Variable c : R.
Hypothesis tokens : forall j, (j < T)%nat -> (x j < size)%nat.
Hypothesis lags : forall l, lag l = true -> (1 <= l < n)%nat.
Hypothesis c_nonneg : 0 <= c.

Notation matches := (matches T n x lag).
Definition L : nat := count n lag.
Definition matched (j : nat) : bool := matches j =? L.
Definition logits (j : nat) : R := c * INR (matches j).
Definition r : R := Rmax 1 (INR T / exp c).

(* N: the words before the target that are in its class if its label is y, and the target *)
Definition earlier (y : nat) : nat := count T (fun j => (n - 1 <=? j) && (matched j && holds x j y)).
Definition N (y : nat) : nat := S (earlier y).

Lemma count_le k (p q : nat -> bool) :
  (forall i, (i < k)%nat -> p i = true -> q i = true) -> (count k p <= count k q)%nat.
Proof.
  induction k; simpl; intros implied; [lia |].
  assert (count k p <= count k q)%nat by (apply IHk; intros; apply implied; trivial; lia).
  destruct (p k) eqn:here; [rewrite (implied k ltac:(lia) here) |]; destruct (q k); lia.
Qed.

Lemma count_all k (p q : nat -> bool) : (forall i, (i < k)%nat -> p i = true -> q i = true) ->
  count k p = count k q -> forall i, (i < k)%nat -> q i = true -> p i = true.
Proof.
  induction k; simpl; intros implied same i inside here; [lia |].
  assert (le : (count k p <= count k q)%nat) by (apply count_le; intros; apply implied; trivial; lia).
  destruct (Nat.eq_dec i k) as [-> | other].
  - rewrite here in same; destruct (p k); trivial; lia.
  - apply IHk; trivial; [intros; apply implied; trivial; lia | | lia].
    destruct (p k) eqn:last; [rewrite (implied k ltac:(lia) last) in same; lia |].
    destruct (q k); lia.
Qed.

Lemma matches_le j : (matches j <= L)%nat.
Proof. apply count_le; intros l _; unfold agrees; destruct (lag l); trivial; discriminate. Qed.

(* A position that matches at all lags reads the same token at lag b as the end of the sequence. *)
Lemma matched_agrees j b : matched j = true -> lag b = true -> (b <= j)%nat /\ x (j - b) = x (T - b).
Proof.
  intros full used; apply Nat.eqb_eq in full; pose proof (lags b used).
  assert (agrees T x lag j b = true) as here.
  { apply (count_all n (agrees T x lag j) lag); trivial; [| lia].
    intros l _; unfold agrees; destruct (lag l); trivial; discriminate. }
  unfold agrees in here; rewrite !andb_true_iff, Nat.eqb_eq in here.
  destruct here as [[[_ _] below] same]; apply Nat.leb_le in below; auto.
Qed.

Notation top := (exp (c * INR L)).

Lemma weight_matched j : matched j = true -> exp (logits j) = top.
Proof. intros full; apply Nat.eqb_eq in full; unfold logits; rewrite full; trivial. Qed.

Lemma weight_unmatched j : matched j = false -> exp (logits j) <= top / exp c.
Proof.
  intros other; apply Nat.eqb_neq in other; pose proof (matches_le j).
  assert (INR (matches j) + 1 <= INR L) by (rewrite <- S_INR; apply le_INR; lia).
  unfold Rdiv; rewrite <- exp_Ropp, <- exp_plus; unfold logits.
  destruct (Req_dec (c * INR (matches j)) (c * INR L + - c)) as [-> | differs]; [lra |].
  left; apply exp_increasing; nra.
Qed.

Lemma r_at_least_one : 1 <= r.
Proof. apply Rmax_l. Qed.

(* The keys in A, split into those that match and the others *)
Definition rest (A : nat -> bool) (g : nat -> R) : R :=
  sum T (fun j => indicator (A j && negb (matched j)) * (exp (logits j) * g j)).
Definition full (A : nat -> bool) : nat := count T (fun j => A j && matched j).

Lemma sum_split A g psi0 :
  (forall j, (j < T)%nat -> matched j = true -> g j = psi0) ->
  sum T (fun j => indicator (A j) * (exp (logits j) * g j)) = top * INR (full A) * psi0 + rest A g.
Proof.
  intros constant; unfold full, rest; rewrite count_as_sum, Rmult_comm, <- Rmult_assoc, <- sum_scale, <- sum_add.
  apply sum_ext; intros j inside; destruct (matched j) eqn:here; unfold indicator.
  - rewrite weight_matched, constant by trivial; destruct (A j); simpl; ring.
  - destruct (A j); simpl; ring.
Qed.

Lemma rest_range A g : (forall j, (j < T)%nat -> 0 <= g j <= 1) -> 0 <= rest A g <= rest A (fun _ => 1).
Proof.
  intros range; unfold rest; split.
  - apply sum_nonneg; intros j inside; pose proof (exp_pos (logits j)); pose proof (range j inside).
    unfold indicator; destruct (_ && _); nra.
  - apply Rminus_le; rewrite <- sum_sub.
    assert (0 <= sum T (fun j => indicator (A j && negb (matched j)) * (exp (logits j) * 1)
      - indicator (A j && negb (matched j)) * (exp (logits j) * g j))).
    { apply sum_nonneg; intros j inside; pose proof (exp_pos (logits j)); pose proof (range j inside).
      unfold indicator; destruct (_ && _); nra. }
    rewrite sum_sub in *; lra.
Qed.

Lemma rest_le A : rest A (fun _ => 1) <= top * r.
Proof.
  apply Rle_trans with (sum T (fun _ => top / exp c)).
  - apply Rminus_le; unfold rest; rewrite <- sum_sub.
    assert (0 <= sum T (fun j => top / exp c - indicator (A j && negb (matched j)) * (exp (logits j) * 1))).
    { apply sum_nonneg; intros j _; pose proof (exp_pos c); pose proof (exp_pos (c * INR L)).
      assert (0 < top / exp c) by (apply Rdiv_lt_0_compat; trivial).
      unfold indicator; destruct (matched j) eqn:here; destruct (A j); simpl; try lra.
      pose proof (weight_unmatched j here); lra. }
    rewrite sum_sub in *; lra.
  - assert (constant : forall k u, sum k (fun _ => u) = INR k * u).
    { intros k u; induction k; [simpl; ring | rewrite S_INR; simpl; rewrite IHk; ring]. }
    rewrite constant; pose proof (exp_pos (c * INR L)); pose proof (exp_pos c).
    replace (INR T * (top / exp c)) with (top * (INR T / exp c)) by (field; lra).
    apply Rmult_le_compat_l; [lra | apply Rmax_r].
Qed.

(* The mean over the keys in A is near psi0, if those that match are at least `small` many. *)
Lemma mean_near A g psi0 (small : nat) :
  (forall j, (j < T)%nat -> 0 <= g j <= 1) -> (forall j, (j < T)%nat -> matched j = true -> g j = psi0) ->
  0 <= psi0 <= 1 -> (small <= full A)%nat -> (exists j, (j < T)%nat /\ A j = true) ->
  INR small * psi0 / (INR small + r) <= mean T logits g A <= 1 - INR small * (1 - psi0) / (INR small + r).
Proof.
  intros range constant range0 few [k [inside here]].
  pose proof (exp_pos (c * INR L)) as top_pos; pose proof r_at_least_one; pose proof (pos_INR small).
  assert (enough : INR small <= INR (full A)) by (apply le_INR; trivial).
  pose proof (rest_le A) as rest_small; pose proof (rest_range A g range) as range_g.
  assert (Z_eq : sum T (fun j => indicator (A j) * exp (logits j)) = top * INR (full A) + rest A (fun _ => 1)).
  { rewrite (sum_ext T _ (fun j => indicator (A j) * (exp (logits j) * 1))) by (intros; ring).
    rewrite (sum_split A (fun _ => 1) 1) by trivial; ring. }
  assert (Z_pos : 0 < top * INR (full A) + rest A (fun _ => 1)).
  { rewrite <- Z_eq; apply sum_pos with (k := k); trivial.
    - intros i _; pose proof (exp_pos (logits i)); unfold indicator; destruct (A i); lra.
    - rewrite here; pose proof (exp_pos (logits k)); unfold indicator; lra. }
  assert (scaled : forall u, INR small * u / (INR small + r) = top * INR small * u / (top * INR small + top * r)).
  { intros; field; split; nra. }
  unfold mean; rewrite Z_eq, (sum_split A g psi0) by trivial; rewrite !scaled; split.
  - apply mean_above; try lra; try nra.
  - set (big := top * INR (full A)) in *; set (others := rest A (fun _ => 1)) in *; set (X := rest A g) in *.
    assert (complement : 1 - (big * psi0 + X) / (big + others) = (big * (1 - psi0) + (others - X)) / (big + others))
      by (field; lra).
    assert (top * INR small * (1 - psi0) / (top * INR small + top * r) <= 1 - (big * psi0 + X) / (big + others)); [| lra].
    rewrite complement; apply mean_above; try lra; try (unfold big; nra).
Qed.

Section Block.

Variables (a b : nat) (f : nat -> nat -> R).
Hypotheses (b_in : lag b = true) (f_range : forall v v', 0 <= f v v' <= 1).

Theorem type_one_difference (y : nat) :
  Rabs (Phi T x logits (read T x a b f) y) <= r / (INR (N y) - 1 + r).
Proof.
  pose proof r_at_least_one; pose proof (pos_INR (earlier y)).
  assert (target : INR (N y) - 1 = INR (earlier y)) by (unfold N; rewrite S_INR; ring).
  rewrite target; unfold Phi; destruct (occurs T x y) eqn:present.
  2: rewrite Rabs_R0; apply Rlt_le, Rdiv_lt_0_compat; lra.
  set (g := read T x a b f); set (psi0 := if a <=? T - 1 then f (x (T - 1 - a)) (x (T - b)) else 0).
  assert (range : forall j, (j < T)%nat -> 0 <= g j <= 1).
  { intros j _; unfold g, read; destruct (_ && _); [apply f_range | lra]. }
  assert (constant : forall j, (j < T)%nat -> matched j = true -> g j = psi0).
  { intros j _ here; destruct (matched_agrees j b here b_in) as [below same].
    unfold g, read, psi0; apply Nat.leb_le in below; rewrite below, andb_true_r, same; trivial. }
  assert (range0 : 0 <= psi0 <= 1) by (unfold psi0; destruct (_ <=? _); [apply f_range | lra]).
  apply occurs_spec in present as [k [inside here]].
  assert (all : INR (earlier y) * psi0 / (INR (earlier y) + r) <= mean T logits g all_keys
      <= 1 - INR (earlier y) * (1 - psi0) / (INR (earlier y) + r)).
  { apply mean_near; trivial; [| exists k; auto].
    apply count_le; intros j _; unfold all_keys; rewrite !andb_true_iff; tauto. }
  assert (some : INR (earlier y) * psi0 / (INR (earlier y) + r) <= mean T logits g (keys_with x y)
      <= 1 - INR (earlier y) * (1 - psi0) / (INR (earlier y) + r)).
  { apply mean_near; trivial; [| exists k; auto].
    apply count_le; intros j _; unfold keys_with; rewrite !andb_true_iff; tauto. }
  assert (length : 1 - INR (earlier y) * (1 - psi0) / (INR (earlier y) + r)
      - INR (earlier y) * psi0 / (INR (earlier y) + r)
      = r / (INR (earlier y) + r)) by (field; lra).
  apply Rabs_le; lra.
Qed.

Theorem type_one_block :
  (forall y, 0 <= P y) ->
  Rabs (tested T size x P logits a b f) <= sum size (fun y => P y * (r / (INR (N y) - 1 + r))).
Proof.
  intros law; rewrite block_by_sampled_label by trivial.
  apply Rabs_le; rewrite <- (Rplus_0_l (- _)).
  assert (bounds : forall s, 0 <= sum size (fun y =>
      P y * (r / (INR (N y) - 1 + r)) + s * (P y * Phi T x logits (read T x a b f) y)) \/ (s <> 1 /\ s <> -1)).
  { intros s; destruct (Req_dec s 1) as [-> |]; [left | destruct (Req_dec s (-1)) as [-> |]; [left | right; auto]].
    all: apply sum_nonneg; intros y _; pose proof (law y); pose proof (type_one_difference y) as bound.
    all: pose proof (Rle_abs (Phi T x logits (read T x a b f) y)).
    all: pose proof (Rle_abs (- Phi T x logits (read T x a b f) y)).
    all: rewrite Rabs_Ropp in *; nra. }
  destruct (bounds 1) as [up | []]; [| lra]; destruct (bounds (-1)) as [down | []]; [| lra].
  rewrite sum_add, sum_scale in up, down; lra.
Qed.

End Block.

End TypeOne.
