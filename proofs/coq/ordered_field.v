(* The tactics ring and field over an ordered field, and what quotients do. *)

From Coq Require Import Ring Field.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Laws.

Variable F : realFieldType.

Definition add (x y : F) : F := x + y.
Definition mul (x y : F) : F := x * y.
Definition sub (x y : F) : F := x - y.
Definition opp (x : F) : F := - x.
Definition div (x y : F) : F := x / y.
Definition inv (x : F) : F := x^-1.

Lemma field_laws : field_theory (0 : F) 1 add mul sub opp div inv eq.
Proof.
split; [split | | |] => //; rewrite /add /mul /sub /opp /div /inv.
- exact: add0r.
- exact: addrC.
- exact: addrA.
- exact: mul1r.
- exact: mulrC.
- exact: mulrA.
- exact: mulrDl.
- exact: subrr.
- by move/eqP; rewrite oner_eq0.
- by move=> x /eqP x_n0; rewrite mulVf.
Qed.

End Laws.

(* Rewrites the goal, an equation in F, into the operations of field_laws. *)
Ltac to_laws F :=
  rewrite ?expr2 ?mulr2n;
  match goal with |- @eq _ ?x ?y => change (@eq (Num.RealField.sort F) x y) end;
  repeat match goal with
  | |- context [@GRing.add ?V ?x ?y] => change (@GRing.add V x y) with (@add F x y)
  | |- context [@GRing.mul ?R ?x ?y] => change (@GRing.mul R x y) with (@mul F x y)
  | |- context [@GRing.opp ?V ?x] => change (@GRing.opp V x) with (@opp F x)
  | |- context [@GRing.inv ?R ?x] => change (@GRing.inv R x) with (@inv F x)
  end;
  repeat match goal with
  | |- context [GRing.one ?R] => progress change (GRing.one R) with (GRing.one (Num.RealField.ringType F))
  | |- context [GRing.zero ?V] => progress change (GRing.zero V) with (GRing.zero (Num.RealField.zmodType F))
  end.

(* Where `Add Field laws : (field_laws F).` stands: an identity between fractions, denominators given as x != 0 *)
Ltac algebra F := to_laws F; first [ring | field; repeat split; apply/eqP; assumption].

Lemma le_of_eq (F : realFieldType) (x y : F) : x = y -> x <= y.
Proof. by move->. Qed.

Lemma quotients_le (F : realFieldType) (a b c d : F) : 0 < b -> 0 < d -> 0 <= c * b - a * d -> a / b <= c / d.
Proof. by move=> b_gt0 d_gt0; rewrite subr_ge0 ler_pdivr_mulr // mulrAC ler_pdivl_mulr. Qed.
