(* SN1, second half. The gradient of one sequence's loss in the merged matrix W of the second layer.

   The logits are z_j = sum_(a,b,v,v') 1{x_(T-a) = v} W_ab[v,v'] 1{x_(j-b) = v'}, over lags a, b < n and tokens. Then

       dl/dW_ab[v,v']  =  sum_j dl/dz_j 1{x_(T-a) = v} 1{x_(j-b) = v'}  =:  M_ab[v,v']               score_block

   for all T, S, n, x, W and every P. An indicator is 0 where its position does not exist. Positions are counted from 0
   below: T stands for T-1. *)

From Coq Require Import Reals Lra Lia Bool Arith.
From SubNGrams Require Import finite_sums score_identity.
Open Scope R_scope.

Section Blocks.

Variable T size n : nat. (* positions, tokens, lags *)
Variable x : nat -> nat.
Variable P : nat -> R.
Hypothesis tokens : forall j, (j < T)%nat -> (x j < size)%nat.

(* 1 if the token at the given lag before position j is v *)
Definition token_is (j lag v : nat) : R := indicator ((lag <=? j) && (x (j - lag) =? v)).

Notation query a v := (token_is (T - 1) a v).
Notation key j b v := (token_is j b v).

(* M_ab[v,v'] of this sequence, where the logits are z *)
Definition block (z : nat -> R) (a b v v' : nat) : R :=
  sum T (fun j => score T size x P z j * (query a v * key j b v')).

Definition logits (W : nat -> nat -> nat -> nat -> R) (j : nat) : R :=
  sum n (fun a => sum n (fun b => sum size (fun v => sum size (fun v' => query a v * W a b v v' * key j b v')))).

(* The direction of one entry of W, and W moved by t in that direction *)
Definition entry (a b v v' a1 b1 v1 v1' : nat) : R :=
  indicator (a1 =? a) * (indicator (b1 =? b) * (indicator (v1 =? v) * indicator (v1' =? v'))).

Definition moved (W W' : nat -> nat -> nat -> nat -> R) (t : R) (a b v v' : nat) : R := W a b v v' + t * W' a b v v'.

Lemma derivative_of_moved W W' a b v v' :
  derivable_pt_lim (fun t => moved W W' t a b v v') 0 (W' a b v v').
Proof.
  replace (W' a b v v') with (0 + (1 * W' a b v v' + id 0 * 0)) by (unfold id; ring).
  apply (derivable_pt_lim_plus (fct_cte (W a b v v')) (fun t => t * W' a b v v')).
  - apply derivable_pt_lim_const.
  - apply (derivable_pt_lim_mult id (fct_cte (W' a b v v'))).
    + apply derivable_pt_lim_id.
    + apply derivable_pt_lim_const.
Qed.

Theorem score_block W a b v v' :
  (a < n)%nat -> (b < n)%nat -> (v < size)%nat -> (v' < size)%nat ->
  derivable_pt_lim (fun t => loss T size x P (logits (moved W (entry a b v v') t))) 0 (block (logits W) a b v v').
Proof.
  intros Ha Hb Hv Hv'.
  replace (block (logits W) a b v v') with
    (sum T (fun j => score T size x P (logits (moved W (entry a b v v') 0)) j * (query a v * key j b v'))).
  - apply (score_along_curve T size x P tokens (fun t => logits (moved W (entry a b v v') t))); intros j _.
    replace (query a v * key j b v') with (sum n (fun a1 => sum n (fun b1 => sum size (fun v1 => sum size (fun v1' =>
      query a1 v1 * entry a b v v' a1 b1 v1 v1' * key j b1 v1'))))).
    + do 4 (apply derivative_of_sum; intros ? _); rename i into a1, i0 into b1, i1 into v1, i2 into v1'.
      rewrite Rmult_assoc, (Rmult_comm _ (key j b1 v1')), <- Rmult_assoc.
      apply derivable_pt_lim_ext with
        (f := fun t => query a1 v1 * key j b1 v1' * moved W (entry a b v v') t a1 b1 v1 v1'); [intros; ring |].
      apply (derivable_pt_lim_scal (fun t => moved W (entry a b v v') t a1 b1 v1 v1')), derivative_of_moved.
    + rewrite (sum_ext _ _ (fun a1 => indicator (a1 =? a) * sum n (fun b1 => indicator (b1 =? b) *
        sum size (fun v1 => indicator (v1 =? v) * sum size (fun v1' => indicator (v1' =? v') *
          (query a1 v1 * key j b1 v1')))))).
      * rewrite !sum_pick; trivial.
      * intros a1 _; rewrite <- sum_scale; apply sum_ext; intros b1 _; rewrite <- !sum_scale; apply sum_ext.
        intros v1 _; rewrite <- !sum_scale; apply sum_ext; intros v1' _; unfold entry; ring.
  - unfold block; apply sum_ext; intros j inside; f_equal; apply score_ext; trivial; intros i _.
    unfold logits, moved; do 4 (apply sum_ext; intros ? _); ring.
Qed.

End Blocks.
