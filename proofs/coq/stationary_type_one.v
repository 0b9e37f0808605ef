(* SN16 for a stationary law, in one statement: type I blocks, no mixing, no prior.

   A finite space of outcomes o with probabilities p(o): each has the tokens x_1, ..., x_T and the law P_o of the next token
   given these, so that the sequence of T + 1 tokens (o, y) has probability p(o) P_o(y). Its law is stationary: the first T
   tokens have the law of the last T. The population's block is M_ab = sum_o p(o) M_ab of the sequence (score_blocks.v), at
   the configuration's logits z_j = c m_j. For b in Lambda, every a and 0 <= f <= 1,

       |sum_(v,v') f(v,v') M_ab[v,v']|  <=  phi(K r / m),    K = S^(L+1), m = T - n + 2, r = max(1, T/q), q = e^c.
                                                                                                  stationary_bound

   For all S, n, T >= n - 1, Lambda, c >= 0, and all such laws, a stationary Markov chain's among them. Positions are counted
   from 0 below: T stands for T - 1, and x_T for the next token. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums score_identity score_blocks chain_rule sampled_label type_one visits.
Open Scope R_scope.

(* The class of the word that ends at position j: its tokens at lags 0 and those of Lambda below k, as digits *)
Fixpoint class (size : nat) (lag : nat -> bool) (x : nat -> nat) (j k : nat) : nat :=
  match k with
  | O => x j
  | S l => if lag l then class size lag x j l * size + x (j - l)%nat else class size lag x j l
  end.

Section StationaryTypeOne.

Variables (outcomes T size n : nat).
Variable p : nat -> R.
Variable x : nat -> nat -> nat.
Variable P : nat -> nat -> R.
Variable lag : nat -> bool. (* Lambda *)
Variable c : R.
Hypothesis tokens : forall o j, (o < outcomes)%nat -> (j < T)%nat -> (x o j < size)%nat.
Hypothesis lags : forall l, lag l = true -> (1 <= l < n)%nat.
Hypothesis c_nonneg : 0 <= c.
Hypothesis long_enough : (n - 1 <= T)%nat.
Hypothesis p_nonneg : forall o, (o < outcomes)%nat -> 0 <= p o.
Hypothesis p_sum : sum outcomes p = 1.
Hypothesis P_nonneg : forall o y, (o < outcomes)%nat -> 0 <= P o y.
Hypothesis P_sum : forall o, (o < outcomes)%nat -> sum size (P o) = 1.

(* The T + 1 tokens *)
Definition sequence (o y t : nat) : nat := if t =? T then y else x o t.

Definition mean_over_sequences (G : (nat -> nat) -> R) : R :=
  sum outcomes (fun o => p o * sum size (fun y => P o y * G (sequence o y))).

Definition reads_first (t : nat) (G : (nat -> nat) -> R) : Prop :=
  forall D D', (forall i, (i < t)%nat -> D i = D' i) -> G D = G D'.

Definition stationary_law : Prop :=
  forall G, reads_first T G -> mean_over_sequences G = mean_over_sequences (fun D => G (fun t => D (S t))).

(* The population's block, tested against f *)
Definition population (a b : nat) (f : nat -> nat -> R) : R :=
  sum outcomes (fun o => p o * tested T size (x o) (P o) (logits T n (x o) lag c) a b f).

Notation m := (T - (n - 1) + 1)%nat.
Notation K := (size ^ S (count n lag))%nat.

(* Item i is the class of the word that ends at position n - 1 + i. *)
Definition item (D : nat -> nat) (i : nat) : nat := class size lag D (n - 1 + i) n.

Lemma class_bound D j k : (k <= n)%nat -> (n - 1 <= j)%nat -> (forall i, (i <= j)%nat -> (D i < size)%nat) ->
  (class size lag D j k < size ^ S (count k lag))%nat.
Proof.
  induction k; intros below late digits; simpl.
  - pose proof (digits j ltac:(lia)); lia.
  - assert (IH : (class size lag D j k < size ^ S (count k lag))%nat) by (apply IHk; trivial; lia).
    simpl in IH; destruct (lag k); simpl; [| lia].
    pose proof (digits (j - k)%nat ltac:(lia)); nia.
Qed.

(* Two words have one class exactly if they agree at lag 0 and at the lags of Lambda. *)
Lemma same_class D j D' j' k :
  (forall l, (l < k)%nat -> (D (j - l) < size)%nat /\ (D' (j' - l) < size)%nat) ->
  class size lag D j k = class size lag D' j' k <->
  D j = D' j' /\ forall l, (l < k)%nat -> lag l = true -> D (j - l)%nat = D' (j' - l)%nat.
Proof.
  induction k; simpl; intros digits; [intuition lia |].
  assert (IH := IHk (fun l below => digits l ltac:(lia))).
  destruct (digits k ltac:(lia)) as [d d'].
  destruct (lag k) eqn:used.
  - split.
    + intros same.
      assert (class size lag D j k = class size lag D' j' k /\ D (j - k) = D' (j' - k))%nat as [upper digit].
      { apply (Nat.div_mod_unique size); trivial; rewrite !(Nat.mul_comm size); trivial. }
      apply IH in upper as [first others]; split; trivial; intros l below on.
      destruct (Nat.eq_dec l k) as [-> |]; trivial; apply others; trivial; lia.
    + intros [first others]; rewrite (proj2 IH); [rewrite (others k); auto |]; split; auto.
  - rewrite IH; split; intros [first others]; split; trivial; intros l below on.
    + destruct (Nat.eq_dec l k) as [-> |]; [congruence |]; apply others; trivial; lia.
    + apply others; trivial; lia.
Qed.

Lemma class_ext D D' j k : (forall l, (l <= k)%nat -> D (j - l)%nat = D' (j - l)%nat) ->
  class size lag D j k = class size lag D' j k.
Proof.
  induction k; simpl; intros same.
  - replace j with (j - 0)%nat by lia; apply same; lia.
  - rewrite IHk, (same k) by auto; trivial.
Qed.

Lemma class_of_shifted D j k : (k <= S j)%nat -> class size lag (fun t => D (S t)) j k = class size lag D (S j) k.
Proof.
  induction k; intros below; trivial.
  unfold class; fold class; rewrite IHk by lia; replace (S j - k)%nat with (S (j - k)) by lia; trivial.
Qed.

Lemma count_shift k d (b : nat -> bool) : count (k + d) (fun j => (k <=? j) && b j) = count d (fun i => b (k + i)%nat).
Proof.
  induction d; simpl.
  - rewrite Nat.add_0_r.
    assert (none : forall e, (e <= k)%nat -> count e (fun j => (k <=? j) && b j) = 0%nat); [| apply none; lia].
    induction e; simpl; intros below; trivial; rewrite IHe by lia; destruct (Nat.leb_spec k e); [lia | trivial].
  - rewrite Nat.add_succ_r; simpl; rewrite IHd; destruct (Nat.leb_spec k (k + d)); [trivial | lia].
Qed.

Section OneOutcome.

Variables (o y : nat).
Hypotheses (o_here : (o < outcomes)%nat) (y_token : (y < size)%nat).

Lemma digits i : (i <= T)%nat -> (sequence o y i < size)%nat.
Proof. intros below; unfold sequence; destruct (Nat.eqb_spec i T); trivial; apply tokens; trivial; lia. Qed.

(* A key is in the target's class if its word matches at all lags and has the label. *)
Lemma class_of_target j : (n - 1 <= j)%nat -> (j < T)%nat ->
  (matched T n (x o) lag j && holds (x o) j y) = (class size lag (sequence o y) j n =? class size lag (sequence o y) T n).
Proof.
  intros late early; apply eq_true_iff_eq; rewrite andb_true_iff, Nat.eqb_eq, same_class.
  2: intros l below; split; apply digits; lia.
  assert (label : sequence o y j = x o j /\ sequence o y T = y).
  { unfold sequence; destruct (Nat.eqb_spec j T); [lia |]; rewrite Nat.eqb_refl; auto. }
  assert (earlier_tokens : forall l, lag l = true ->
    (sequence o y (j - l) = x o (j - l) /\ sequence o y (T - l) = x o (T - l))%nat).
  { intros l used; pose proof (lags l used); unfold sequence.
    destruct (Nat.eqb_spec (j - l) T), (Nat.eqb_spec (T - l) T); lia. }
  destruct label as [-> ->]; unfold holds; rewrite Nat.eqb_eq; split.
  - intros [full same]; split; [auto |]; intros l below used; destruct (earlier_tokens l used) as [-> ->].
    apply (matched_agrees T n (x o) lag lags j l full used).
  - intros [same others]; split; [| auto].
    unfold matched, L; apply Nat.eqb_eq, count_ext; intros l below; unfold agrees.
    destruct (lag l) eqn:used; trivial; pose proof (lags l used); simpl.
    destruct (earlier_tokens l used) as [a b]; specialize (others l below used); rewrite a, b in others.
    rewrite others, Nat.eqb_refl; destruct (Nat.leb_spec l T), (Nat.leb_spec l j); trivial; lia.
Qed.

Lemma visits_of_target : visits.N (item (sequence o y)) (m - 1) = type_one.N T n (x o) lag y.
Proof.
  unfold visits.N, type_one.N, earlier.
  replace (m - 1)%nat with (T - (n - 1))%nat by lia; simpl count at 1; rewrite Nat.eqb_refl; simpl; f_equal.
  replace (count T _) with (count (n - 1 + (T - (n - 1)))
    (fun j => (n - 1 <=? j) && (matched T n (x o) lag j && holds (x o) j y)))
    by (f_equal; lia).
  rewrite count_shift; apply count_ext; intros i below; unfold item.
  rewrite class_of_target by lia; do 2 f_equal; lia.
Qed.

End OneOutcome.

Lemma sum_flat k d (g : nat -> R) : sum (k * d) g = sum k (fun i => sum d (fun j => g (i * d + j)%nat)).
Proof.
  assert (split_sum : forall a b (h : nat -> R), sum (a + b) h = sum a h + sum b (fun j => h (a + j)%nat)).
  { induction b; intros h; [rewrite Nat.add_0_r; simpl; ring | rewrite Nat.add_succ_r; simpl; rewrite IHb; ring]. }
  induction k; simpl; trivial; rewrite (Nat.add_comm d), split_sum, IHk; trivial.
Qed.

(* The pairs of an outcome and a next token, as one finite space *)
Notation outcome w := (w / size)%nat.
Notation next w := (w mod size)%nat.
Definition pair_probability (w : nat) : R := p (outcome w) * P (outcome w) (next w).
Definition items (w : nat) : nat -> nat := item (sequence (outcome w) (next w)).

Lemma mean_over_pairs (G : nat -> nat -> R) :
  sum (outcomes * size) (fun w => pair_probability w * G (outcome w) (next w))
  = sum outcomes (fun o => p o * sum size (fun y => P o y * G o y)).
Proof.
  rewrite sum_flat; apply sum_ext; intros o _; rewrite <- sum_scale; apply sum_ext; intros y below.
  unfold pair_probability; rewrite Nat.div_add_l, Nat.div_small, Nat.add_0_r by lia.
  rewrite Nat.add_comm, Nat.mod_add, Nat.mod_small by lia; ring.
Qed.

Lemma in_range w : (w < outcomes * size)%nat -> (outcome w < outcomes)%nat /\ (next w < size)%nat.
Proof.
  intros below; assert (size <> 0)%nat by (intros zero; rewrite zero in below; lia).
  split; [apply Nat.div_lt_upper_bound; trivial; lia | apply Nat.mod_upper_bound; trivial].
Qed.

Lemma items_stationary : stationary_law -> stationary (outcomes * size) m pair_probability items.
Proof.
  intros stays t G inside reads_items; unfold expectation, expectation_later, items.
  rewrite (mean_over_pairs (fun o y => G (item (sequence o y)))).
  rewrite (mean_over_pairs (fun o y => G (fun t => item (sequence o y) (S t)))).
  change (mean_over_sequences (fun D => G (item D)) = mean_over_sequences (fun D => G (fun t => item D (S t)))).
  rewrite stays.
  - unfold mean_over_sequences; apply sum_ext; intros o _; f_equal; apply sum_ext; intros y _; f_equal.
    apply reads_items; intros i _; unfold item; rewrite class_of_shifted by lia; f_equal; lia.
  - intros D D' same; apply reads_items; intros i below; unfold item; apply class_ext; intros l _; apply same; lia.
Qed.

Theorem stationary_bound (a b : nat) (f : nat -> nat -> R) :
  stationary_law -> lag b = true -> (forall v v', 0 <= f v v' <= 1) ->
  Rabs (population a b f) <= phi (INR K * r T c / INR m).
Proof.
  intros stays b_in f_range.
  apply Rle_trans with (expectation (outcomes * size) pair_probability items
    (fun D => r T c / (INR (visits.N D (m - 1)) - 1 + r T c))).
  - unfold expectation, items.
    rewrite (mean_over_pairs (fun o y => r T c / (INR (visits.N (item (sequence o y)) (m - 1)) - 1 + r T c))).
    assert (outer : forall k, (k <= outcomes)%nat ->
      Rabs (sum k (fun o => p o * tested T size (x o) (P o) (logits T n (x o) lag c) a b f)) <=
      sum k (fun o => p o * sum size (fun y =>
        P o y * (r T c / (INR (visits.N (item (sequence o y)) (m - 1)) - 1 + r T c))))).
    { induction k as [| k IH]; simpl; intros below; [rewrite Rabs_R0; lra |].
      apply Rle_trans with (1 := Rabs_triang _ _); apply Rplus_le_compat; [apply IH; lia |].
      rewrite Rabs_mult, (Rabs_pos_eq (p k)) by (apply p_nonneg; lia).
      apply Rmult_le_compat_l; [apply p_nonneg; lia |].
      rewrite (sum_ext size _ (fun y => P k y * (r T c / (INR (type_one.N T n (x k) lag y) - 1 + r T c)))).
      - apply type_one_block; trivial; intros; [apply tokens | apply P_nonneg]; trivial; lia.
      - intros y here; rewrite visits_of_target; trivial; lia. }
    apply outer; lia.
  - apply stationary_visits.
    + apply r_at_least_one.
    + intros w here; destruct (in_range w here); apply Rmult_le_pos; auto.
    + rewrite (sum_ext _ _ (fun w => pair_probability w * 1)) by (intros; ring).
      rewrite (mean_over_pairs (fun _ _ => 1)); apply eq_trans with (sum outcomes p); trivial.
      apply sum_ext; intros o here.
      replace (sum size (fun y => P o y * 1)) with 1; [ring |].
      symmetry; apply eq_trans with (sum size (P o)); [apply sum_ext; intros; ring | auto].
    + intros w t here inside; destruct (in_range w here) as [o_here y_here].
      unfold items, item; apply class_bound; try lia; intros i below; apply digits; trivial; lia.
    + lia.
    + apply items_stationary; trivial.
Qed.

End StationaryTypeOne.
