(* SN2. The gradient of one sequence's loss in the parameters Q, K, V, at a configuration.

   Layer 1 has hard heads: head h >= 1 reads the token at lag h and maps it through the matrix V^h; stream 0 is the
   token itself. So stream a at position j is X_a,j[v] = sum_i 1{x_(j-a) = i} V^a[i,v]. The second layer has logits

       z_j  =  sum_(l,e) (sum_(a,v) X_a,T[v] Q_a[v,(l,e)]) (sum_(b,v) X_b,j[v] K_b[v,(l,e)]),

   slots (l,e) being a lag l < n and a token e. At the configuration of the set Lambda of lags (1 <= l < n), c >= 0,
   heads h with h or h+1 in Lambda are active: V^h = I; for all others V^h = 0. Q_(l-1) and K_l are sqrt(c) times the
   embedding into slot l for l in Lambda, all other blocks are 0. There

       a_j               =  q^m_j / sum_i q^m_i,  q = e^c                             attention_at_configuration
       dl/dQ_a[v,(l,e)]  =  sqrt(c) M_a,l[v,e]        for l in Lambda and a active or 0, else 0          gradient_in_Q
       dl/dK_b[v,(l,e)]  =  sqrt(c) M_(l-1),b[e,v]    for l in Lambda and b active or 0, else 0          gradient_in_K
       dl/dV^h[i,o]      =  c ([h in Lambda] M_(h-1),h[o,i] + [h+1 in Lambda] M_h,h+1[i,o])              gradient_in_V

   with the score blocks M of score_blocks.v. For all T, S, n, x, c >= 0, Lambda and every P. Positions are counted from
   0 below: T stands for T-1. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums score_identity score_blocks network.
Open Scope R_scope.

Section ChainRule.

Variable T size n : nat. (* positions, tokens, lags *)
Variable x : nat -> nat.
Variable P : nat -> R.
Hypothesis tokens : forall j, (j < T)%nat -> (x j < size)%nat.

Notation stream := (stream size x).
Notation image := (image size n x).
Notation network := (network T size n x).
Notation network' := (network' T size n x).

(* The configuration *)

Variable lag : nat -> bool. (* Lambda *)
Variable c : R.
Hypothesis lags : forall l, lag l = true -> (1 <= l < n)%nat.
Hypothesis c_nonneg : 0 <= c.

Definition active (h : nat) : bool := (h =? 0) || lag h || lag (S h).
Definition V0 : Values := fun h i o => indicator (active h) * indicator (i =? o).
Definition Q0 : Projection :=
  fun a v l e => indicator (lag l) * (indicator (a =? l - 1) * (indicator (v =? e) * sqrt c)).
Definition K0 : Projection :=
  fun b v l e => indicator (lag l) * (indicator (b =? l) * (indicator (v =? e) * sqrt c)).

Notation M := (block T size x P (network Q0 K0 V0)).

Lemma stream_here j a v : (v < size)%nat -> stream V0 j a v = indicator (active a) * token_is x j a v.
Proof.
  intros Hv; unfold stream, V0, active; destruct (Nat.eqb_spec a 0) as [-> | nonzero]; simpl.
  - unfold indicator; ring.
  - rewrite (sum_ext _ _ (fun i => indicator (i =? v) * (indicator (lag a || lag (S a)) * token_is x j a i))).
    + apply sum_pick; trivial.
    + intros; ring.
Qed.

Lemma image_here (lag_of : nat -> nat) (Q : Projection) j l e :
  (forall a v, Q a v l e = indicator (lag l) * (indicator (a =? lag_of l) * (indicator (v =? e) * sqrt c))) ->
  (lag l = true -> active (lag_of l) = true /\ (lag_of l < n)%nat) -> (e < size)%nat ->
  image V0 Q j l e = indicator (lag l) * (sqrt c * token_is x j (lag_of l) e).
Proof.
  intros shape is_active He; unfold image.
  rewrite (sum_ext _ _ (fun a => indicator (lag l) * (indicator (a =? lag_of l) *
    sum size (fun v => indicator (v =? e) * (stream V0 j a v * sqrt c))))).
  - rewrite sum_scale; destruct (lag l) eqn:used; [| unfold indicator; ring].
    destruct is_active as [on inside]; trivial.
    rewrite !sum_pick, stream_here by trivial; rewrite on; unfold indicator; ring.
  - intros a _; rewrite <- !sum_scale; apply sum_ext; intros v _; rewrite shape; ring.
Qed.

Lemma query_here j l e : (e < size)%nat -> image V0 Q0 j l e = indicator (lag l) * (sqrt c * token_is x j (l - 1) e).
Proof.
  apply (image_here (fun l => l - 1)%nat); trivial; intros used; pose proof (lags l used); split; [| lia].
  unfold active; replace (S (l - 1)) with l by lia; rewrite used; apply orb_true_r.
Qed.

Lemma key_here j l e : (e < size)%nat -> image V0 K0 j l e = indicator (lag l) * (sqrt c * token_is x j l e).
Proof.
  apply (image_here (fun l => l)); trivial; intros used; pose proof (lags l used); split; [| lia].
  unfold active; rewrite used, orb_true_r; trivial.
Qed.

Lemma gradient_in direction_Q direction_K direction_V (gradient : nat -> R) (total : R) f :
  (forall t, f t = loss T size x P
     (network (moved Q0 direction_Q t) (moved K0 direction_K t) (moved_values V0 direction_V t))) ->
  (forall j, (j < T)%nat -> network' Q0 direction_Q K0 direction_K V0 direction_V j = gradient j) ->
  sum T (fun j => score T size x P (network Q0 K0 V0) j * gradient j) = total ->
  derivable_pt_lim f 0 total.
Proof.
  intros loss_f same <-; apply (derivable_pt_lim_ext _ f _ _ (fun t => eq_sym (loss_f t))).
  rewrite <- (sum_ext _ (fun j => score T size x P (network Q0 K0 V0) j *
    network' Q0 direction_Q K0 direction_K V0 direction_V j)).
  - apply derivative_of_loss, tokens.
  - intros; rewrite same; trivial.
Qed.

Ltac unmoved := intros; apply loss_ext; intros; unfold moved, moved_values, fixed, fixed_values; ring.

Theorem gradient_in_Q a v l e :
  (a < n)%nat -> (v < size)%nat -> (l < n)%nat -> (e < size)%nat ->
  derivable_pt_lim (fun t => loss T size x P (network (moved Q0 (entry a v l e) t) K0 V0)) 0
    (indicator (lag l && active a) * (sqrt c * M a l v e)).
Proof.
  intros Ha Hv Hl He.
  apply (gradient_in (entry a v l e) fixed fixed_values
    (fun j => indicator (lag l && active a) * sqrt c * (token_is x (T - 1) a v * token_is x j l e))); [unmoved | |].
  - intros j _; unfold network'.
    rewrite (sum_ext _ _ (fun l1 => indicator (l1 =? l) * sum size (fun e1 => indicator (e1 =? e) *
      (stream V0 (T - 1) a v * image V0 K0 j l1 e1)))).
    + rewrite !sum_pick, stream_here, key_here by trivial; unfold indicator; destruct (lag l), (active a); simpl; ring.
    + intros l1 _; rewrite <- sum_scale; apply sum_ext; intros e1 _.
      rewrite image_along_entry, image_along_nothing by trivial; ring.
  - unfold block; rewrite <- !sum_scale; apply sum_ext; intros; ring.
Qed.

Theorem gradient_in_K b v l e :
  (b < n)%nat -> (v < size)%nat -> (l < n)%nat -> (e < size)%nat ->
  derivable_pt_lim (fun t => loss T size x P (network Q0 (moved K0 (entry b v l e) t) V0)) 0
    (indicator (lag l && active b) * (sqrt c * M (l - 1) b e v)).
Proof.
  intros Hb Hv Hl He.
  apply (gradient_in fixed (entry b v l e) fixed_values
    (fun j => indicator (lag l && active b) * sqrt c * (token_is x (T - 1) (l - 1) e * token_is x j b v)));
    [unmoved | |].
  - intros j _; unfold network'.
    rewrite (sum_ext _ _ (fun l1 => indicator (l1 =? l) * sum size (fun e1 => indicator (e1 =? e) *
      (image V0 Q0 (T - 1) l1 e1 * stream V0 j b v)))).
    + rewrite !sum_pick, stream_here, query_here by trivial.
      unfold indicator; destruct (lag l), (active b); simpl; ring.
    + intros l1 _; rewrite <- sum_scale; apply sum_ext; intros e1 _.
      rewrite image_along_entry, image_along_nothing by trivial; ring.
  - unfold block; rewrite <- !sum_scale; apply sum_ext; intros; ring.
Qed.

(* c is the square of sqrt c, and nothing else is known of that. *)
Ltac square_root :=
  let root := fresh "root" in
  pose proof (sqrt_sqrt c c_nonneg) as root; generalize dependent (sqrt c); intros root_c root; rewrite <- root.

(* A sum over lags of Lambda picks its lag, if it is in Lambda. *)
Lemma sum_pick_lag k f :
  sum n (fun l => indicator (lag l) * (indicator (l =? k) * f l)) = indicator (lag k) * f k.
Proof.
  destruct (lag k) eqn:used.
  - rewrite (sum_ext _ _ (fun l => indicator (l =? k) * (indicator (lag l) * f l))) by (intros; ring).
    rewrite sum_pick, used; trivial; apply lags; trivial.
  - unfold indicator at 3; rewrite Rmult_0_l; apply sum_zero; intros l _; unfold indicator.
    destruct (Nat.eqb_spec l k) as [-> |]; [rewrite used |]; ring.
Qed.

Theorem gradient_in_V h i o :
  (1 <= h < n)%nat -> (i < size)%nat -> (o < size)%nat ->
  derivable_pt_lim (fun t => loss T size x P (network Q0 K0 (moved_values V0 (entry_of_values h i o) t))) 0
    (c * (indicator (lag h) * M (h - 1) h o i + indicator (lag (S h)) * M h (S h) i o)).
Proof.
  intros Hh Hi Ho.
  apply (gradient_in fixed fixed (entry_of_values h i o)
    (fun j => c * (indicator (lag h) * (token_is x (T - 1) (h - 1) o * token_is x j h i)
                 + indicator (lag (S h)) * (token_is x (T - 1) h i * token_is x j (S h) o)))); [unmoved | |].
  - intros j _; unfold network'.
    rewrite (sum_ext _ _ (fun l =>
      indicator (lag l) * (indicator (l =? S h) * (c * (token_is x (T - 1) h i * token_is x j l o)))
      + indicator (lag l) * (indicator (l =? h) * (c * (token_is x (T - 1) (l - 1) o * token_is x j h i))))).
    + rewrite sum_add, !sum_pick_lag; ring.
    + intros l _; rewrite (sum_ext _ _ (fun e => indicator (e =? o) *
        (indicator (lag l) * (indicator (l =? S h) * (c * (token_is x (T - 1) h i * token_is x j l e)))
         + indicator (lag l) * (indicator (l =? h) * (c * (token_is x (T - 1) (l - 1) e * token_is x j h i)))))).
      * apply sum_pick; trivial.
      * intros e He; rewrite !image_along_value, query_here, key_here by trivial; unfold Q0, K0.
        rewrite (Nat.eqb_sym o e), (Nat.eqb_sym h l).
        destruct (lag l) eqn:used; [| unfold indicator; ring].
        pose proof (lags l used); replace (h =? l - 1) with (l =? S h).
        -- square_root; unfold indicator; ring.
        -- destruct (Nat.eqb_spec l (S h)), (Nat.eqb_spec h (l - 1)); trivial; lia.
  - unfold block; rewrite Rmult_plus_distr_l, <- !sum_scale, <- sum_add; apply sum_ext; intros; ring.
Qed.

(* m_j: the number of lags in Lambda at which position j agrees with the end of the sequence *)
Definition agrees (j l : nat) : bool := lag l && (l <=? T) && (l <=? j) && (x (T - l) =? x (j - l)).
Definition matches (j : nat) : nat := count n (agrees j).

Lemma logits_at_configuration j : (j < T)%nat -> network Q0 K0 V0 j = c * INR (matches j).
Proof.
  intros inside; unfold matches; rewrite count_as_sum, <- sum_scale; apply sum_ext; intros l _; unfold agrees.
  rewrite (sum_ext _ _ (fun e =>
    indicator (e =? x (T - l)) * (c * indicator (lag l && (l <=? T) && (l <=? j) && (x (T - l) =? x (j - l)))))).
  - destruct (lag l) eqn:used; [destruct (Nat.leb_spec l T) |]; simpl.
    + pose proof (lags l used); rewrite sum_pick; trivial; apply tokens; lia.
    + rewrite sum_zero; intros; unfold indicator; ring.
    + rewrite sum_zero; intros; unfold indicator; ring.
  - intros e He; rewrite query_here, key_here by trivial.
    destruct (lag l) eqn:used; [pose proof (lags l used) | unfold indicator; simpl; ring].
    unfold token_is; replace (T - 1 - (l - 1))%nat with (T - l)%nat by lia.
    square_root.
    destruct (Nat.leb_spec (l - 1) (T - 1)), (Nat.leb_spec l T); try lia; simpl; [| unfold indicator; ring].
    destruct (Nat.eqb_spec (x (T - l)) e) as [<- | differs].
    + rewrite Nat.eqb_refl, Nat.eqb_sym; unfold indicator; simpl.
      destruct (l <=? j), (x (T - l) =? x (j - l)) eqn:E; rewrite 1?Nat.eqb_sym, ?E; simpl; ring.
    + destruct (Nat.eqb_spec e (x (T - l))); [congruence | unfold indicator; ring].
Qed.

(* With q = e^c, position j has the weight q^m_j. *)
Theorem attention_at_configuration j :
  (j < T)%nat -> attention T (network Q0 K0 V0) j = exp c ^ matches j / sum T (fun i => exp c ^ matches i).
Proof.
  assert (power : forall i, (i < T)%nat -> exp (network Q0 K0 V0 i) = exp c ^ matches i).
  { intros i below; rewrite logits_at_configuration by trivial; induction (matches i) as [| m IH].
    - simpl; rewrite Rmult_0_r; apply exp_0.
    - rewrite S_INR, Rmult_plus_distr_l, exp_plus, IH, Rmult_1_r; simpl; ring. }
  intros inside; unfold attention; rewrite power, (sum_ext _ _ _ power) by trivial; trivial.
Qed.

End ChainRule.
