(* Lemma 2 of "Every finite length". A few words more or less.

   Two lists of weighted items are given as subsets A and B of one finite set: F is A, the other list is B, and their
   common part is A and B. Weights omega and values are in [0, 1]; each item has a label y. F contains the target t (the
   other list need not). Items that match the target have weight 1. For a list X let

       Phi_X  =  mean of the values over X  -  mean over the items of X with y = y(t),  and 0 if there are no such items,

   and N(h), N(h, y) the numbers of items of F that match the target, without and with its label. If at most r items of
   each list are not in the other (on the page: 2g + 1 words of F, at most 2g + n - 1 keys of the other list, n >= 2), then

       |Phi_B - Phi_A|  <=  min(1, r / N(h)) + min(1, r / N(h, y)).                                           edits

   For all finite lists, over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Edits.

Variables (F : realFieldType) (I : finType) (omega value : I -> F).
Hypotheses (omega_range : forall i, 0 <= omega i <= 1) (value_range : forall i, 0 <= value i <= 1).
Add Field laws : (field_laws F).

Definition weight (X : {set I}) : F := \sum_(i in X) omega i.
Definition weighted (X : {set I}) : F := \sum_(i in X) omega i * value i.
Definition mean (X : {set I}) : F := weighted X / weight X.

Lemma omega_ge0 i : 0 <= omega i. Proof. by case/andP: (omega_range i). Qed.
Lemma value_ge0 i : 0 <= value i. Proof. by case/andP: (value_range i). Qed.

Lemma weight_ge0 X : 0 <= weight X.
Proof. by apply: sumr_ge0 => i _; apply: omega_ge0. Qed.

Lemma weighted_ge0 X : 0 <= weighted X.
Proof. by apply: sumr_ge0 => i _; rewrite mulr_ge0 ?omega_ge0 ?value_ge0. Qed.

Lemma weighted_le X : weighted X <= weight X.
Proof. by apply: ler_sum => i _; rewrite ler_pimulr ?omega_ge0 //; case/andP: (value_range i). Qed.

Lemma mean_range X : 0 <= mean X <= 1.
Proof.
rewrite /mean divr_ge0 ?weighted_ge0 ?weight_ge0 //=.
have [-> | Z_n0] := eqVneq (weight X) 0; first by rewrite invr0 mulr0 ler01.
by rewrite ler_pdivr_mulr ?lt_def ?Z_n0 ?weight_ge0 // mul1r weighted_le.
Qed.

Lemma weight_le_card X : weight X <= #|X|%:R.
Proof. by rewrite -sum1_card natr_sum; apply: ler_sum => i _; case/andP: (omega_range i). Qed.

Lemma distance_le1 (x y : F) : 0 <= x <= 1 -> 0 <= y <= 1 -> `|x - y| <= 1.
Proof.
move=> /andP[x_ge0 x_le1] /andP[y_ge0 y_le1]; rewrite ler_norml; apply/andP; split.
  by rewrite ler_subr_addr; apply: le_trans x_ge0; rewrite addrC subr_le0.
by rewrite ler_subl_addr; apply: le_trans x_le1 _; rewrite ler_addl.
Qed.

(* A mean lies in an interval of length r / (Z + r) that depends on a part of it alone, of weight Z. *)
Lemma mean_between (C X : {set I}) (r : F) :
  C \subset X -> weight (X :\: C) <= r -> 0 < weight C ->
  weighted C / (weight C + r) <= mean X <= (weighted C + r) / (weight C + r).
Proof.
move=> part rest_le Z_gt0; set Z := weight C in Z_gt0 *; set A := weighted C.
set w := weight (X :\: C) in rest_le *; set a := weighted (X :\: C).
have split_sum (f : I -> F) : \sum_(i in X) f i = \sum_(i in C) f i + \sum_(i in X :\: C) f i.
  by rewrite (big_setID C) /= (setIidPr part).
have -> : mean X = (A + a) / (Z + w) by rewrite /mean /weighted /weight !split_sum.
have w_ge0 : 0 <= w by apply: weight_ge0.
have a_ge0 : 0 <= a by apply: weighted_ge0.
have a_le : a <= w by apply: weighted_le.
have A_ge0 : 0 <= A by apply: weighted_ge0.
have A_le : A <= Z by apply: weighted_le.
have r_ge0 : 0 <= r by apply: le_trans rest_le.
have Zr_gt0 : 0 < Z + r by rewrite ltr_paddr.
have Zw_gt0 : 0 < Z + w by rewrite ltr_paddr.
apply/andP; split; apply: quotients_le => //; set gap := (X in 0 <= X).
  have -> : gap = A * (r - w) + a * (Z + r) by rewrite /gap; algebra F.
  by rewrite addr_ge0 // mulr_ge0 ?subr_ge0 // ltW.
have -> : gap = (r - w) * (Z - A) + (w - a) * (Z + r) by rewrite /gap; algebra F.
by rewrite addr_ge0 // mulr_ge0 ?subr_ge0 // ltW.
Qed.

(* Two lists, and items of weight 1 in the first *)
Lemma means_near (A B M : {set I}) (r : nat) :
  (#|A :\: B| <= r)%N -> (#|B :\: A| <= r)%N -> (forall i, i \in M -> omega i = 1) -> M \subset A ->
  (0 < #|M|)%N -> `|mean B - mean A| <= Num.min 1 (r%:R / #|M|%:R).
Proof.
move=> A_rest B_rest full M_in_A M_gt0; rewrite le_minr (distance_le1 (mean_range B) (mean_range A)) /=.
have M_gt0' : 0 < #|M|%:R :> F by rewrite ltr0n.
have [few | many] := leqP #|M| r.
  by apply: le_trans (distance_le1 (mean_range B) (mean_range A)) _; rewrite ler_pdivl_mulr // mul1r ler_nat.
pose C := A :&: B; pose Z := weight C.
have weight_M : weight M = #|M|%:R.
  by rewrite /weight (eq_bigr (fun _ => 1)) ?sumr_const // => i /full ->.
have le_weight (X Y : {set I}) : X \subset Y -> weight X <= weight Y.
  move=> sub; rewrite [X in _ <= X](big_setID X) /= (setIidPr sub) ler_addl.
  by apply: sumr_ge0 => i _; apply: omega_ge0.
have enough : #|M|%:R <= Z + r%:R.
  rewrite -weight_M; apply: le_trans (le_weight M A M_in_A) _.
  rewrite {1}/weight (big_setID B) /= -/C; apply: ler_add => //.
  by apply: le_trans (weight_le_card _) _; rewrite ler_nat.
have Z_gt0 : 0 < Z.
  by rewrite -(ltr_add2r r%:R) add0r; apply: lt_le_trans enough; rewrite ltr_nat.
have Zr_gt0 : 0 < Z + r%:R by apply: lt_le_trans enough.
have between (X : {set I}) : C \subset X -> (#|X :\: C| <= r)%N ->
    weighted C / (Z + r%:R) <= mean X <= (weighted C + r%:R) / (Z + r%:R).
  move=> sub rest; apply: mean_between => //; apply: le_trans (weight_le_card _) _; by rewrite ler_nat.
have /andP[A_ge A_le] : weighted C / (Z + r%:R) <= mean A <= (weighted C + r%:R) / (Z + r%:R).
  by apply: between; rewrite ?subsetIl // /C setDIr setDv set0U.
have /andP[B_ge B_le] : weighted C / (Z + r%:R) <= mean B <= (weighted C + r%:R) / (Z + r%:R).
  by apply: between; rewrite ?subsetIr // /C setDIr setDv setU0.
apply: (@le_trans _ _ (r%:R / (Z + r%:R))); last first.
  by apply: ler_wpmul2l; [apply: ler0n | rewrite lef_pinv ?posrE].
have length : (weighted C + r%:R) / (Z + r%:R) - weighted C / (Z + r%:R) = r%:R / (Z + r%:R).
  by rewrite mulrDl addrC addKr.
by rewrite ler_norml -length opprB; apply/andP; split; apply: ler_sub.
Qed.

Variables (S : eqType) (y : I -> S).

Definition with_label (X : {set I}) (s : S) : {set I} := [set i in X | y i == s].
Definition Phi (X : {set I}) (s : S) : F := if with_label X s == set0 then 0 else mean X - mean (with_label X s).

Theorem edits (A B : {set I}) (matching : {set I}) (t : I) (r : nat) :
  t \in A -> t \in matching -> (forall i, i \in matching -> omega i = 1) ->
  (#|A :\: B| <= r)%N -> (#|B :\: A| <= r)%N ->
  `|Phi B (y t) - Phi A (y t)| <=
    Num.min 1 (r%:R / #|A :&: matching|%:R) + Num.min 1 (r%:R / #|with_label A (y t) :&: matching|%:R).
Proof.
move=> t_in_A t_matches full A_rest B_rest.
have t_labelled : t \in with_label A (y t) by rewrite inE t_in_A eqxx.
have label_sub (X Y : {set I}) s : (#|with_label X s :\: with_label Y s| <= #|X :\: Y|)%N.
  apply/subset_leq_card/subsetP => i; rewrite !inE => /andP[not_in /andP[-> label]].
  by move: not_in; rewrite label andbT => ->.
have count_gt0 : (0 < #|with_label A (y t) :&: matching|)%N.
  by apply/card_gt0P; exists t; rewrite inE t_labelled.
rewrite /Phi; have -> /= : (with_label A (y t) == set0) = false.
  by apply/negbTE/set0Pn; exists t.
have [empty | some] := eqVneq (with_label B (y t)) set0; last first.
  have -> : mean B - mean (with_label B (y t)) - (mean A - mean (with_label A (y t)))
      = (mean B - mean A) - (mean (with_label B (y t)) - mean (with_label A (y t))).
    by set a := mean A; set b := mean B; set c := mean (_ A _); set d := mean (_ B _); algebra F.
  apply: le_trans (ler_norm_sub _ _) _; apply: ler_add.
    apply: means_near => // [i | | ]; first by rewrite inE => /andP[_ /full].
      exact: subsetIl.
    by apply/card_gt0P; exists t; rewrite inE t_in_A.
  apply: means_near => // [||i|]; rewrite ?(leq_trans (label_sub _ _ _)) //; last exact: subsetIl.
  by rewrite inE => /andP[_ /full].
have one : Num.min 1 (r%:R / #|with_label A (y t) :&: matching|%:R) = 1 :> F.
  rewrite min_l // ler_pdivl_mulr ?ltr0n // mul1r ler_nat; apply: leq_trans A_rest.
  apply/subset_leq_card/subsetP => i; rewrite !inE => /andP[/andP[in_A label] _]; rewrite in_A andbT.
  by apply/negP => in_B; have := in_set0 i; rewrite -empty inE in_B label.
rewrite one sub0r normrN; apply: le_trans (distance_le1 (mean_range _) (mean_range _)) _.
by rewrite ler_addr le_minr ler01 divr_ge0 ?ler0n.
Qed.

End Edits.
