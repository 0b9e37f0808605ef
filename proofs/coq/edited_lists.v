(* Lemma 2 of "Every finite length", for lists: edits.v is about subsets of one finite set.

   Items have weights and values in [0, 1] and a label; those that match the target have weight 1. For a list l let

       Phi_over(l, s)  =  mean of the values over l  -  mean over the items of l with label s,   0 if there are none.

   The items of C are common to two lists, at most r others, DA, are in the first alone, and at most r, DB, in the second.
   The target t is in the first list. With N(h), N(h, y) the numbers of its items that match, without and with t's label,

       |Phi_over(C ++ DB, y(t)) - Phi_over(C ++ DA, y(t))|  <=  min(1, r / N(h)) + min(1, r / N(h, y)).  edits_of_lists

   For all lists, over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype tuple finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field edits.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Lists.

Variables (F : realFieldType) (T : eqType) (S : eqType) (omega value : T -> F) (y : T -> S) (matching : pred T).
Hypotheses (omega_range : forall x, 0 <= omega x <= 1) (value_range : forall x, 0 <= value x <= 1).
Hypothesis full : forall x, matching x -> omega x = 1.

Definition mean_over (l : seq T) (A : pred T) : F :=
  (\sum_(x <- l | A x) omega x * value x) / \sum_(x <- l | A x) omega x.
Definition labelled (s : S) : pred T := fun x => y x == s.
Definition Phi_over (l : seq T) (s : S) : F :=
  if has (labelled s) l then mean_over l predT - mean_over l (labelled s) else 0.

Lemma Phi_over_perm (l l' : seq T) (s : S) : perm_eq l l' -> Phi_over l s = Phi_over l' s.
Proof.
move=> same; rewrite /Phi_over /mean_over (perm_has _ same).
by congr (if _ then _ / _ - _ / _ else _); apply: perm_big.
Qed.

Lemma mean_over_range (l : seq T) (A : pred T) : 0 <= mean_over l A <= 1.
Proof.
have weight_ge0' : 0 <= \sum_(x <- l | A x) omega x by apply: sumr_ge0 => x _; case/andP: (omega_range x).
rewrite /mean_over divr_ge0 //=; last first.
  by apply: sumr_ge0 => x _; rewrite mulr_ge0 //; [case/andP: (omega_range x) | case/andP: (value_range x)].
have [-> | Z_n0] := eqVneq (\sum_(x <- l | A x) omega x) 0; first by rewrite invr0 mulr0 ler01.
rewrite ler_pdivr_mulr ?lt_def ?Z_n0 // mul1r; apply: ler_sum => x _.
by rewrite ler_pimulr //; [case/andP: (omega_range x) | case/andP: (value_range x)].
Qed.

Lemma Phi_over_le1 (l : seq T) (s : S) : `|Phi_over l s| <= 1.
Proof.
rewrite /Phi_over; case: (has _ _); last by rewrite normr0 ler01.
by apply: distance_le1; apply: mean_over_range.
Qed.

Variables (C DA DB : seq T).
Let I : finType := [finType of ('I_(size C) + ('I_(size DA) + 'I_(size DB)))%type].
Let item (i : I) : T :=
  match i with
  | inl c => tnth (in_tuple C) c
  | inr (inl a) => tnth (in_tuple DA) a
  | inr (inr b) => tnth (in_tuple DB) b
  end.
Let first : {set I} := [set i : I | if i is inr (inr _) then false else true].
Let second : {set I} := [set i : I | if i is inr (inl _) then false else true].

Lemma over_first (R : Type) (idx : R) (op : Monoid.com_law idx) (Q : pred T) (f : T -> R) :
  \big[op/idx]_(i | (i \in first) && Q (item i)) f (item i) = \big[op/idx]_(x <- C ++ DA | Q x) f x.
Proof.
rewrite big_cat !big_sumType /=; congr (op _ _).
  by rewrite [RHS]big_tnth; apply: eq_bigl => c; rewrite inE.
rewrite [X in op _ X]big_pred0 ?Monoid.mulm1 => [|b]; last by rewrite inE.
by rewrite [RHS]big_tnth; apply: eq_bigl => a; rewrite inE.
Qed.

Lemma over_second (R : Type) (idx : R) (op : Monoid.com_law idx) (Q : pred T) (f : T -> R) :
  \big[op/idx]_(i | (i \in second) && Q (item i)) f (item i) = \big[op/idx]_(x <- C ++ DB | Q x) f x.
Proof.
rewrite big_cat !big_sumType /=; congr (op _ _).
  by rewrite [RHS]big_tnth; apply: eq_bigl => c; rewrite inE.
rewrite big_pred0 ?Monoid.mul1m => [|b]; last by rewrite inE.
by rewrite [RHS]big_tnth; apply: eq_bigl => a; rewrite inE.
Qed.

Lemma Phi_by_lists (X : {set I}) (l : seq T) (s : S) :
  (forall (R : Type) (idx : R) (op : Monoid.com_law idx) (Q : pred T) (f : T -> R),
    \big[op/idx]_(i | (i \in X) && Q (item i)) f (item i) = \big[op/idx]_(x <- l | Q x) f x) ->
  Phi (omega \o item) (value \o item) (y \o item) X s = Phi_over l s.
Proof.
move=> over; have none : (with_label (y \o item) X s == set0) = ~~ has (labelled s) l.
  rewrite -cards_eq0 -sum1_card has_count -leqNgt leqn0 -sum1_count -(over _ _ _ (labelled s)); congr (_ == _).
  by apply: eq_bigl => i; rewrite inE.
rewrite /Phi /Phi_over none; case: (has _ _) => //=.
rewrite /mean /weighted /weight /mean_over -!over; congr (_ / _ - _ / _); apply: eq_bigl => i; rewrite ?inE ?andbT //.
Qed.

Theorem edits_of_lists (t : T) (r : nat) :
  t \in C ++ DA -> matching t -> (size DA <= r)%N -> (size DB <= r)%N ->
  `|Phi_over (C ++ DB) (y t) - Phi_over (C ++ DA) (y t)| <=
    Num.min 1 (r%:R / (count matching (C ++ DA))%:R)
    + Num.min 1 (r%:R / (count (predI (labelled (y t)) matching) (C ++ DA))%:R).
Proof.
move=> t_in t_matches DA_le DB_le.
have [j j_in here] : exists2 j, j \in first & item j = t.
  have : has (pred1 t) (C ++ DA) by rewrite has_pred1.
  rewrite has_count -sum1_count -(over_first _ (pred1 t)) lt0n sum_nat_eq0 => /forallPn[j].
  by rewrite negb_imply => /andP[/andP[j_in /eqP here] _]; exists j.
rewrite -here in t_matches *; rewrite -(Phi_by_lists (y (item j)) over_first) -(Phi_by_lists (y (item j)) over_second).
pose M := [set i | matching (item i)].
have counted (Q : pred T) : count Q (C ++ DA) = #|[set i in first | Q (item i)]|.
  by rewrite -sum1_card -sum1_count -over_first; apply: eq_bigl => i; rewrite inE.
have -> : count matching (C ++ DA) = #|first :&: M|.
  by rewrite counted; apply: eq_card => i; rewrite !inE.
have -> : count (predI (labelled (y (item j))) matching) (C ++ DA)
    = #|with_label (y \o item) first (y (item j)) :&: M|.
  by rewrite counted; apply: eq_card => i; rewrite !inE andbA.
have rest (X Y : {set I}) n (f : 'I_n -> I) : (forall i, i \in X :\: Y -> i \in codom f) -> (#|X :\: Y| <= n)%N.
  move=> all; apply: (@leq_trans #|codom f|); first by apply/subset_leq_card/subsetP.
  by apply: leq_trans (card_size _) _; rewrite size_codom card_ord.
apply: (@edits F I (omega \o item) (value \o item) _ _ S (y \o item) first second M j) => //.
- by move=> i; apply: omega_range.
- by move=> i; apply: value_range.
- by rewrite inE.
- by move=> i; rewrite inE; apply: full.
- apply: leq_trans DA_le; apply: (rest _ _ _ (fun a => inr (inl a))) => -[c|[a|b]]; rewrite !inE // => _.
  exact: codom_f.
- apply: leq_trans DB_le; apply: (rest _ _ _ (fun b => inr (inr b))) => -[c|[a|b]]; rewrite !inE // => _.
  exact: codom_f.
Qed.

End Lists.
