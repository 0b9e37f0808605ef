(* Dobrushin's contraction. Total variation distance as one minus a sum of minima.

   For laws mu, nu on a finite set, and P a matrix whose rows P(x, .) are laws, let

       TV(mu, nu)  =  1 - sum_x min(mu(x), nu(x))  =  (1/2) sum_x |mu(x) - nu(x)|,               distance_of_sums
       delta(P)    =  the largest TV(P(x, .), P(x', .)).

   (On the page delta is the least overlap, one minus this one.) Then, for P^g the g-th power and pi P = pi,

       TV(mu P, nu P)       <=  delta(P) TV(mu, nu)                                                       contraction
       delta(P^(k l + j))   <=  delta(P^k)^l                                                             powers_contract
       TV(P^g(x, .), pi)    <=  delta(P^k)^(g div k).                                                       distance_decays

   For all finite sets and all such matrices, over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq div fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma le_bigmax (F : realFieldType) (J : finType) (f : J -> F) (least : F) j : f j <= \big[Num.max/least]_i f i.
Proof.
suff all s : j \in s -> f j <= \big[Num.max/least]_(i <- s) f i by apply: all; apply: mem_index_enum.
elim: s => // i s IH; rewrite inE big_cons le_maxr => /orP[/eqP -> | /IH ->]; [by rewrite lexx | by rewrite orbT].
Qed.

Lemma bigmax_le (F : realFieldType) (J : finType) (f : J -> F) (least u : F) :
  least <= u -> (forall j, f j <= u) -> \big[Num.max/least]_i f i <= u.
Proof. by move=> least_le all; elim/big_rec: _ => // i e _ e_le; rewrite le_maxl all e_le. Qed.

Section Laws.

Variables (F : realFieldType) (X : finType).
Implicit Types (mu nu : X -> F) (P Q : X -> X -> F).

Definition law mu : Prop := (forall x, 0 <= mu x) /\ \sum_x mu x = 1.
Definition kernel P : Prop := forall x, law (P x).

Definition TV mu nu : F := 1 - \sum_x Num.min (mu x) (nu x).
Definition push mu P (z : X) : F := \sum_x mu x * P x z.
Fixpoint power P (g : nat) (x z : X) : F := if g is g'.+1 then \sum_y P x y * power P g' y z else (x == z)%:R.
Definition delta P : F := \big[Num.max/0]_(xx : X * X) TV (P xx.1) (P xx.2).

Theorem distance_of_sums mu nu : law mu -> law nu -> \sum_x `|mu x - nu x| = 2%:R * TV mu nu.
Proof.
move=> [_ mu1] [_ nu1]; transitivity (\sum_x (mu x + nu x - 2%:R * Num.min (mu x) (nu x))).
  apply: eq_bigr => x _; have [le | lt] := leP (mu x) (nu x).
    by rewrite ler0_norm ?subr_le0 // opprB mulr_natl mulr2n opprD addrACA subrr add0r.
  by rewrite gtr0_norm ?subr_gt0 // mulr_natl mulr2n opprD addrACA subrr addr0.
by rewrite sumrB big_split /= mu1 nu1 -mulr_sumr /TV mulrBr mulr1.
Qed.

Lemma TV_ge0 mu nu : law mu -> law nu -> 0 <= TV mu nu.
Proof.
move=> mu_law nu_law; rewrite -(@pmulr_rge0 _ 2%:R) ?ltr0n // -distance_of_sums //.
by apply: sumr_ge0 => x _; apply: normr_ge0.
Qed.

Lemma TV_le1 mu nu : law mu -> law nu -> TV mu nu <= 1.
Proof.
move=> [mu0 _] [nu0 _]; rewrite ler_subl_addr ler_addl; apply: sumr_ge0 => x _.
by rewrite le_minr mu0 nu0.
Qed.

Lemma push_law mu P : law mu -> kernel P -> law (push mu P).
Proof.
move=> [mu0 mu1] P_laws; split=> [z|]; first by apply: sumr_ge0 => x _; rewrite mulr_ge0 //; case: (P_laws x).
rewrite exchange_big /= -mu1; apply: eq_bigr => x _.
by rewrite -mulr_sumr; case: (P_laws x) => _ ->; rewrite mulr1.
Qed.

Lemma power_law P g : kernel P -> kernel (power P g).
Proof.
move=> P_laws; elim: g => [|g IH] x /=; last by have [] := push_law (P_laws x) IH.
split=> [z|]; first exact: ler0n.
by rewrite (bigD1 x) //= eqxx big1 ?addr0 // => z /negbTE; rewrite eq_sym => ->.
Qed.

Lemma push_power0 mu P z : push mu (power P 0) z = mu z.
Proof.
by rewrite /push /= (bigD1 z) //= eqxx mulr1 big1 ?addr0 // => x /negbTE ->; rewrite mulr0.
Qed.

Lemma push_push mu P Q z : push (push mu P) Q z = push mu (fun x => push (P x) Q) z.
Proof.
rewrite /push (eq_bigr (fun x => \sum_y mu y * P y x * Q x z)) => [|x _]; last by rewrite mulr_suml.
rewrite exchange_big /=; apply: eq_bigr => y _; rewrite mulr_sumr.
by apply: eq_bigr => x _; rewrite mulrA.
Qed.

Lemma eq_push mu nu P z : mu =1 nu -> push mu P z = push nu P z.
Proof. by move=> same; apply: eq_bigr => x _; rewrite same. Qed.

Lemma eq_TV mu mu' nu nu' : mu =1 mu' -> nu =1 nu' -> TV mu nu = TV mu' nu'.
Proof. by move=> same same'; congr (1 - _); apply: eq_bigr => x _; rewrite same same'. Qed.

Lemma power_add P g k x z : power P (g + k) x z = push (power P g x) (power P k) z.
Proof.
elim: g x z => [|g IH] x z.
  rewrite add0n /push (bigD1 x) //= eqxx mul1r big1 ?addr0 // => y /negbTE.
  by rewrite eq_sym => ->; rewrite mul0r.
rewrite addSn /= -[RHS]/(push (push (P x) (power P g)) (power P k) z) push_push.
by apply: eq_bigr => y _; rewrite IH.
Qed.

Lemma le_delta P x x' : TV (P x) (P x') <= delta P.
Proof. exact: (le_bigmax _ 0 (x, x')). Qed.

Lemma delta_ge0 P : 0 <= delta P.
Proof. by rewrite /delta; elim/big_rec: _ => // xx d _ d_ge0; rewrite le_maxr d_ge0 orbT. Qed.

Lemma delta_le P (d : F) : 0 <= d -> (forall x x', TV (P x) (P x') <= d) -> delta P <= d.
Proof. by move=> d_ge0 all; apply: bigmax_le. Qed.

Theorem contraction mu nu P : law mu -> law nu -> kernel P -> TV (push mu P) (push nu P) <= delta P * TV mu nu.
Proof.
move=> mu_law nu_law P_laws; set t := TV mu nu.
have [[mu0 mu1] [nu0 nu1]] := (mu_law, nu_law).
pose p x := mu x - Num.min (mu x) (nu x); pose q x := nu x - Num.min (mu x) (nu x).
have p_ge0 x : 0 <= p x by rewrite subr_ge0 le_minl lexx.
have q_ge0 x : 0 <= q x by rewrite subr_ge0 le_minl lexx orbT.
have sum_p : \sum_x p x = t by rewrite sumrB mu1.
have sum_q : \sum_x q x = t by rewrite sumrB nu1.
have t_ge0 : 0 <= t by apply: TV_ge0.
have difference z : push mu P z - push nu P z = \sum_x p x * P x z - \sum_x q x * P x z.
  rewrite -!sumrB; apply: eq_bigr => x _; rewrite -!mulrBl; congr (_ * _).
  by rewrite /p /q opprB addrA subrK.
have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
rewrite -(ler_pmul2l two_gt0) -distance_of_sums; try exact: push_law.
have [t0 | t_n0] := eqVneq t 0.
  rewrite t0 !mulr0 big1 // => z _; rewrite difference !big1 ?subrr ?normr0 // => x _.
    by move/eqP: sum_q; rewrite t0 psumr_eq0 // => /allP/(_ x (mem_index_enum x))/eqP ->; rewrite mul0r.
  by move/eqP: sum_p; rewrite t0 psumr_eq0 // => /allP/(_ x (mem_index_enum x))/eqP ->; rewrite mul0r.
have t_gt0 : 0 < t by rewrite lt_def t_n0.
rewrite -(ler_pmul2l t_gt0) mulr_sumr.
apply: (@le_trans _ _ (\sum_z \sum_x \sum_y p x * q y * `|P x z - P y z|)).
  apply: ler_sum => z _; rewrite difference -{1}(ger0_norm t_ge0) -normrM.
  have -> : t * (\sum_x p x * P x z - \sum_x q x * P x z) = \sum_x \sum_y p x * q y * (P x z - P y z).
    rewrite [RHS](eq_bigr (fun x => t * (p x * P x z) - p x * \sum_y q y * P y z)) => [|x _].
      by rewrite sumrB -mulr_sumr -mulr_suml sum_p mulrBr.
    rewrite -[in RHS]sum_q mulr_suml mulr_sumr -sumrB; apply: eq_bigr => y _.
    by rewrite mulrBr !mulrA [q y * p x]mulrC.
  apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => x _.
  apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => y _.
  by rewrite normrM ger0_norm // mulr_ge0.
rewrite exchange_big /= [X in _ <= X](_ : _ = \sum_x \sum_y p x * q y * (2%:R * delta P)); last first.
  under eq_bigr do rewrite -mulr_suml -mulr_sumr sum_q.
  by rewrite -!mulr_suml sum_p -[RHS]mulrA; congr (t * _); rewrite [RHS]mulrC mulrA.
apply: ler_sum => x _; rewrite exchange_big /=; apply: ler_sum => y _.
rewrite -mulr_sumr distance_of_sums //; apply: ler_wpmul2l; first by rewrite mulr_ge0.
by rewrite ler_pmul2l // le_delta.
Qed.

Theorem powers_contract P k l j : kernel P -> delta (power P (k * l + j)) <= delta (power P k) ^+ l.
Proof.
move=> P_laws; elim: l => [|l IH].
  by rewrite expr0; apply: delta_le => [|x x']; first exact: ler01; apply: TV_le1; apply: power_law.
apply: delta_le => [|x x']; first by rewrite exprn_ge0 ?delta_ge0.
rewrite mulnS -addnA (eq_TV (power_add P _ _ x) (power_add P _ _ x')).
apply: le_trans (contraction _ _ _) _; try exact: power_law.
rewrite exprSr; apply: ler_pmul; rewrite ?delta_ge0 ?TV_ge0 ?le_delta //; exact: power_law.
Qed.

Lemma stationary_power pi P g : push pi P =1 pi -> push pi (power P g) =1 pi.
Proof.
move=> stays; elim: g => [|g IH] z; first exact: push_power0.
transitivity (push (push pi P) (power P g) z); first by rewrite push_push.
by rewrite (eq_push _ _ stays).
Qed.

Lemma distance_to_mixture mu pi P (d : F) :
  law mu -> law pi -> kernel P -> (forall x, TV (P x) pi <= d) -> TV (push mu P) pi <= d.
Proof.
move=> mu_law pi_law P_laws near; have [mu0 mu1] := mu_law.
have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
rewrite -(ler_pmul2l two_gt0) -distance_of_sums //; last exact: push_law.
apply: (@le_trans _ _ (\sum_z \sum_x mu x * `|P x z - pi z|)).
  apply: ler_sum => z _; have -> : push mu P z - pi z = \sum_x mu x * (P x z - pi z).
    by under eq_bigr do rewrite mulrBr; rewrite sumrB -mulr_suml mu1 mul1r.
  apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => x _.
  by rewrite normrM ger0_norm.
rewrite exchange_big /= -[X in _ <= X]mul1r -{1}mu1 mulr_suml; apply: ler_sum => x _.
by rewrite -mulr_sumr; apply: ler_wpmul2l => //; rewrite distance_of_sums // ler_pmul2l.
Qed.

Theorem distance_decays P pi k g x :
  law pi -> kernel P -> push pi P =1 pi -> TV (power P g x) pi <= delta (power P k) ^+ (g %/ k).
Proof.
move=> pi_law P_laws stays; rewrite {1}(divn_eq g k) mulnC.
apply: le_trans (powers_contract k (g %/ k) (g %% k) P_laws).
set Q := power P _; have Q_laws : kernel Q by apply: power_law.
have sym mu nu : TV mu nu = TV nu mu by congr (1 - _); apply: eq_bigr => z _; apply: minC.
rewrite sym -(@eq_TV (push pi Q) pi (Q x) (Q x) (stationary_power _ stays) (fun _ => erefl)).
by apply: distance_to_mixture => // x'; apply: le_delta.
Qed.

End Laws.
