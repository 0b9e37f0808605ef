(* The two layers as a function of Q, K and V (chain_rule.v says in words), and its derivative in any direction. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums score_identity score_blocks.
Open Scope R_scope.

Section Network.

Variable T size n : nat. (* positions, tokens, lags *)
Variable x : nat -> nat.
Variable P : nat -> R.
Hypothesis tokens : forall j, (j < T)%nat -> (x j < size)%nat.

Definition Projection : Type := nat -> nat -> nat -> nat -> R. (* stream, token, lag of the slot, token of the slot *)
Definition Values : Type := nat -> nat -> nat -> R. (* head, token in, token out *)

Definition stream (V : Values) (j a v : nat) : R :=
  if a =? 0 then token_is x j 0 v else sum size (fun i => token_is x j a i * V a i v).

(* The stream at position j, mapped by Q or K to slot (l, e) *)
Definition image (V : Values) (Q : Projection) (j l e : nat) : R :=
  sum n (fun a => sum size (fun v => stream V j a v * Q a v l e)).

Definition network (Q K : Projection) (V : Values) (j : nat) : R :=
  sum n (fun l => sum size (fun e => image V Q (T - 1) l e * image V K j l e)).

(* Derivatives of these along curves Q(t), K(t), V(t) *)

Definition stream' (V' : Values) (j a v : nat) : R :=
  if a =? 0 then 0 else sum size (fun i => token_is x j a i * V' a i v).

Definition image' (V V' : Values) (Q Q' : Projection) (j l e : nat) : R :=
  sum n (fun a => sum size (fun v => stream' V' j a v * Q a v l e + stream V j a v * Q' a v l e)).

Definition network' (Q Q' K K' : Projection) (V V' : Values) (j : nat) : R :=
  sum n (fun l => sum size (fun e =>
    image' V V' Q Q' (T - 1) l e * image V K j l e + image V Q (T - 1) l e * image' V V' K K' j l e)).

(* V moved by t in the direction V' *)
Definition moved_values (V V' : Values) (t : R) (h i o : nat) : R := V h i o + t * V' h i o.

Lemma derivative_of_stream V V' j a v :
  derivable_pt_lim (fun t => stream (moved_values V V' t) j a v) 0 (stream' V' j a v).
Proof.
  unfold stream, stream'; destruct (a =? 0); [apply derivable_pt_lim_const |].
  apply derivative_of_sum; intros i _.
  apply (derivable_pt_lim_scal (fun t => moved_values V V' t a i v)).
  apply (derivative_of_moved (fun h i o _ => V h i o) (fun h i o _ => V' h i o) a i v 0%nat).
Qed.

Lemma stream_unmoved V V' j a v : stream (moved_values V V' 0) j a v = stream V j a v.
Proof.
  unfold stream; destruct (a =? 0); trivial; apply sum_ext; intros; unfold moved_values; ring.
Qed.

Lemma derivative_of_image V V' Q Q' j l e :
  derivable_pt_lim (fun t => image (moved_values V V' t) (moved Q Q' t) j l e) 0 (image' V V' Q Q' j l e).
Proof.
  do 2 (apply derivative_of_sum; intros ? _); rename i into a, i0 into v.
  replace (stream' V' j a v * Q a v l e + stream V j a v * Q' a v l e) with
    (stream' V' j a v * moved Q Q' 0 a v l e + stream (moved_values V V' 0) j a v * Q' a v l e).
  - apply (derivable_pt_lim_mult (fun t => stream (moved_values V V' t) j a v) (fun t => moved Q Q' t a v l e)).
    + apply derivative_of_stream.
    + apply derivative_of_moved.
  - rewrite stream_unmoved; unfold moved; ring.
Qed.

Lemma image_unmoved V V' Q Q' j l e : image (moved_values V V' 0) (moved Q Q' 0) j l e = image V Q j l e.
Proof. do 2 (apply sum_ext; intros ? _); rewrite stream_unmoved; unfold moved; ring. Qed.

Lemma derivative_of_network Q Q' K K' V V' j :
  derivable_pt_lim (fun t => network (moved Q Q' t) (moved K K' t) (moved_values V V' t) j) 0
    (network' Q Q' K K' V V' j).
Proof.
  do 2 (apply derivative_of_sum; intros ? _); rename i into l, i0 into e.
  rewrite <- (image_unmoved V V' K K'), <- (image_unmoved V V' Q Q').
  apply (derivable_pt_lim_mult (fun t => image (moved_values V V' t) (moved Q Q' t) (T - 1) l e)
    (fun t => image (moved_values V V' t) (moved K K' t) j l e)); apply derivative_of_image.
Qed.

(* The derivative of the loss in any direction of the parameters *)
Lemma derivative_of_loss Q Q' K K' V V' :
  derivable_pt_lim (fun t => loss T size x P (network (moved Q Q' t) (moved K K' t) (moved_values V V' t))) 0
    (sum T (fun j => score T size x P (network Q K V) j * network' Q Q' K K' V V' j)).
Proof.
  set (z := fun t => network (moved Q Q' t) (moved K K' t) (moved_values V V' t)).
  replace (sum T _) with (sum T (fun j => score T size x P (z 0) j * network' Q Q' K K' V V' j)).
  - apply (score_along_curve T size x P tokens z); intros j _; apply derivative_of_network.
  - apply sum_ext; intros j inside; f_equal; apply score_ext; trivial; intros i _.
    do 2 (apply sum_ext; intros ? _); rewrite !image_unmoved; trivial.
Qed.

(* The direction of one entry, or none *)
Definition entry_of_values (h i o h1 i1 o1 : nat) : R :=
  indicator (h1 =? h) * (indicator (i1 =? i) * indicator (o1 =? o)).
Definition fixed : Projection := fun _ _ _ _ => 0.
Definition fixed_values : Values := fun _ _ _ => 0.

Lemma image_ext V V2 Q Q2 j l e :
  (forall h i o, V h i o = V2 h i o) -> (forall a v, Q a v l e = Q2 a v l e) -> image V Q j l e = image V2 Q2 j l e.
Proof.
  intros same_V same_Q; do 2 (apply sum_ext; intros ? _); rewrite same_Q; f_equal.
  unfold stream; destruct (_ =? 0); trivial; apply sum_ext; intros; rewrite same_V; trivial.
Qed.

Lemma loss_ext Q Q2 K K2 V V2 :
  (forall a v l e, Q a v l e = Q2 a v l e) -> (forall a v l e, K a v l e = K2 a v l e) ->
  (forall h i o, V h i o = V2 h i o) -> loss T size x P (network Q K V) = loss T size x P (network Q2 K2 V2).
Proof.
  intros same_Q same_K same_V; unfold loss; f_equal; apply sum_ext; intros; do 3 f_equal.
  apply prediction_ext; intros; do 2 (apply sum_ext; intros ? _); f_equal; apply image_ext; trivial.
Qed.

Lemma image_along_entry V Q a v l e j l1 e1 :
  (a < n)%nat -> (v < size)%nat ->
  image' V fixed_values Q (entry a v l e) j l1 e1 = indicator (l1 =? l) * (indicator (e1 =? e) * stream V j a v).
Proof.
  intros Ha Hv; unfold image'.
  rewrite (sum_ext _ _ (fun a1 => indicator (a1 =? a) * sum size (fun v1 => indicator (v1 =? v) *
    (indicator (l1 =? l) * (indicator (e1 =? e) * stream V j a1 v1))))).
  - rewrite !sum_pick; trivial.
  - intros a1 _; rewrite <- sum_scale; apply sum_ext; intros v1 _.
    replace (stream' fixed_values j a1 v1) with 0; [unfold entry; ring |].
    unfold stream', fixed_values; destruct (a1 =? 0); trivial.
    symmetry; apply sum_zero; intros; ring.
Qed.

Lemma image_along_nothing V Q j l e : image' V fixed_values Q fixed j l e = 0.
Proof.
  do 2 (apply sum_zero; intros ? _); unfold stream', fixed_values, fixed; destruct (_ =? 0); [ring |].
  rewrite sum_zero by (intros; ring); ring.
Qed.

Lemma image_along_value V Q h i o j l e :
  (1 <= h < n)%nat -> (i < size)%nat -> (o < size)%nat ->
  image' V (entry_of_values h i o) Q fixed j l e = token_is x j h i * Q h o l e.
Proof.
  intros Hh Hi Ho; unfold image'.
  rewrite (sum_ext _ _ (fun a => indicator (a =? h) * sum size (fun v => indicator (v =? o) *
    (token_is x j a i * Q a v l e)))).
  - rewrite !sum_pick; trivial; lia.
  - intros a _; rewrite <- sum_scale; apply sum_ext; intros v _; unfold stream', fixed, entry_of_values.
    destruct (Nat.eqb_spec a 0) as [-> | nonzero].
    + destruct (Nat.eqb_spec 0 h) as [<- | _]; [lia | unfold indicator; ring].
    + rewrite (sum_ext _ _ (fun i1 => indicator (i1 =? i) *
        (token_is x j a i1 * indicator (a =? h) * indicator (v =? o)))).
      * rewrite sum_pick; trivial; ring.
      * intros; ring.
Qed.

End Network.
