(* SN4. A sufficient condition for a vanishing gradient.

   Omega is a finite space of outcomes (kernel and sequence) with weights mu >= 0, G the sigma-algebra that the function
   atom generates: its atoms are the sets on which atom is constant. For every token s, tau(s) is the probability of the
   next token, p(s) the prediction and dlogp(s) the derivative of its logarithm in some direction. If, almost surely,

     (i)   p(s) = E[tau(s) | G],
     (ii)  dlogp(s) is G-measurable,
     (iii) sum_s p(s) dlogp(s) = 0,

   then the derivative of the loss, -E sum_s tau(s) dlogp(s), is 0. Here (iii) only says that predictions sum to one: it
   is the derivative of sum_s p(s) = 1. "Almost surely" means: on all outcomes of non-zero weight.

   Condition (ii) cannot be dropped: on two outcomes, with two tokens, (i) and (iii) hold and the derivative is not 0.

   For all finite spaces, atoms and tokens, over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Space.

Variables (F : numFieldType) (Omega Atom S : finType).
Variables (mu : Omega -> F) (atom : Omega -> Atom).

Definition expectation (X : Omega -> F) : F := \sum_o mu o * X o.

(* E[X | G], the mean over the atom of the outcome *)
Definition conditional (X : Omega -> F) (o : Omega) : F :=
  (\sum_(o' | atom o' == atom o) mu o' * X o') / (\sum_(o' | atom o' == atom o) mu o').

Definition almost_surely (holds : Omega -> Prop) : Prop := forall o, mu o != 0 -> holds o.

Definition measurable (X : Omega -> F) : Prop :=
  forall o o', mu o != 0 -> mu o' != 0 -> atom o = atom o' -> X o = X o'.

Hypothesis mu_ge0 : forall o, 0 <= mu o.

Lemma mass_gt0 o : mu o != 0 -> 0 < \sum_(o' | atom o' == atom o) mu o'.
Proof.
move=> mu_o; rewrite (bigD1 o) //= ltr_spaddl ?sumr_ge0 //.
by rewrite lt_def mu_o mu_ge0.
Qed.

(* The tower property: if Y is G-measurable, E[X Y] = E[E[X | G] Y]. *)
Lemma tower (X Y : Omega -> F) :
  measurable Y -> expectation (fun o => X o * Y o) = expectation (fun o => conditional X o * Y o).
Proof.
move=> measurable_Y; rewrite /expectation !(partition_big atom predT) //=; apply: eq_bigr => g _.
case: (pickP (fun o => (atom o == g) && (mu o != 0))) => [o0 /andP[/eqP here mu_o0] | null]; last first.
  have zero o : atom o == g -> mu o = 0 by move=> in_g; have := null o; rewrite in_g => /negbFE/eqP.
  by rewrite !big1 // => o /zero ->; rewrite mul0r.
have fixed Z : \sum_(o | atom o == g) mu o * (Z o * Y o) = (\sum_(o | atom o == g) mu o * Z o) * Y o0.
  rewrite mulr_suml; apply: eq_bigr => o /eqP in_g; rewrite mulrA.
  have [-> | mu_o] := eqVneq (mu o) 0; first by rewrite !mul0r.
  by rewrite (measurable_Y o o0) // here.
rewrite !fixed; congr (_ * _).
rewrite [RHS](eq_bigr (fun o => mu o * conditional X o0)) => [|o /eqP in_g]; last by rewrite /conditional in_g here.
by rewrite -mulr_suml mulrC /conditional -here divfK // gt_eqF // mass_gt0.
Qed.

Lemma expectation_ext (X Y : Omega -> F) : almost_surely (fun o => X o = Y o) -> expectation X = expectation Y.
Proof.
move=> same; apply: eq_bigr => o _.
by have [-> | mu_o] := eqVneq (mu o) 0; rewrite ?mul0r // same.
Qed.

Theorem sufficient_condition (tau p dlogp : Omega -> S -> F) :
  (forall s, almost_surely (fun o => p o s = conditional (fun o => tau o s) o)) ->
  (forall s, measurable (fun o => dlogp o s)) ->
  almost_surely (fun o => \sum_s p o s * dlogp o s = 0) ->
  - expectation (fun o => \sum_s tau o s * dlogp o s) = 0.
Proof.
move=> predicts is_measurable sums_to_one; apply/eqP; rewrite oppr_eq0; apply/eqP.
transitivity (expectation (fun o => \sum_s p o s * dlogp o s)).
  have exchange (f : Omega -> S -> F) : expectation (fun o => \sum_s f o s) = \sum_s expectation (fun o => f o s).
    by rewrite exchange_big; apply: eq_bigr => o _; rewrite mulr_sumr.
  rewrite !exchange; apply: eq_bigr => s _; rewrite tower //.
  by apply: expectation_ext => o mu_o; rewrite predicts.
by apply: big1 => o _; have [-> | mu_o] := eqVneq (mu o) 0; rewrite ?mul0r // sums_to_one // mulr0.
Qed.

End Space.

(* Two outcomes in one atom, each sure of its own token; the prediction moves towards the right one. *)
Theorem measurability_is_needed (F : numFieldType) :
  exists (mu : bool -> F) (atom : bool -> unit) (tau p dlogp : bool -> bool -> F),
    [/\ forall o, 0 < mu o,
        forall o s, p o s = conditional mu atom (fun o => tau o s) o,
        forall o, \sum_s p o s * dlogp o s = 0
      & - expectation mu (fun o => \sum_s tau o s * dlogp o s) = - 1].
Proof.
exists (fun _ => 2%:R^-1), (fun _ => tt), (fun o s => (o == s)%:R), (fun _ _ => 2%:R^-1), (fun o s => (-1) ^+ (o != s)).
have half : 2%:R^-1 + 2%:R^-1 = 1 :> F by rewrite -mulr2n -[LHS]mulr_natr mulVf ?pnatr_eq0.
split=> [o | o s | o |].
- by rewrite invr_gt0 ltr0n.
- rewrite /conditional !big_bool /= half divr1.
  by case: s; rewrite /= ?mulr0 ?mulr1 ?addr0 ?add0r.
- by rewrite big_bool /=; case: o; rewrite /= expr0 expr1 mulrN1 mulr1 ?subrr ?addNr.
- by rewrite /expectation !big_bool /= !expr0 !mul1r !mul0r !addr0 !add0r !mulr1 half.
Qed.
