(* Lemma 5 of "Every finite length": two laws of one chain, compared by a coupling.

   A chain on a finite set X has the kernel P and the stationary law pi, pi P = pi, and TV(P^g(x, .), pi) <= d for every x.
   mean mu k f is the mean of f(x_0, x_1 ... x_k) if x_0 has the law mu.

   Let f and f' be functions of a state and the m next ones, in [-1, 1]. In the sequence at hand, of any start nu, leave out
   two stretches of g steps; in the stationary one, the end comes first:

       nu, s1 (g steps), b, s2 (g steps), a          pi, a, s (g steps), b, s3.

   If f and f' differ by at most c(stationary sequence) wherever the kept pieces a and b are the same in both, then

       |mean nu f - mean pi f'|  <=  6 d + mean pi c                                                    moved_by_two_pieces

   and likewise, with 2 d, if one piece is kept: nu, s1 (g steps at least), a, and pi, s0, a, s3.        moved_by_one_piece

   The coupling is implicit: the maximum of f over the steps left out is a function of the kept pieces alone, and sums of
   minima bound the difference of its means. For every chain, over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype tuple finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field contraction.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Chain.

Variables (F : realFieldType) (X : finType) (P : X -> X -> F).
Hypothesis P_laws : kernel P.

(* The mean of G over the k states that follow u *)
Fixpoint E (k : nat) (u : X) (G : seq X -> F) : F :=
  if k is k'.+1 then \sum_v P u v * E k' v (fun s => G (v :: s)) else G [::].

Definition mean (mu : X -> F) (k : nat) (f : X -> seq X -> F) : F := \sum_u mu u * E k u (f u).

Lemma eq_E k u G G' : (forall s, size s = k -> G s = G' s) -> E k u G = E k u G'.
Proof.
elim: k u G G' => [|k IH] u G G' same /=; first exact: same.
by apply: eq_bigr => v _; congr (_ * _); apply: IH => s len; apply: same; rewrite /= len.
Qed.

Lemma E_le k u G G' : (forall s, size s = k -> G s <= G' s) -> E k u G <= E k u G'.
Proof.
elim: k u G G' => [|k IH] u G G' below /=; first exact: below.
apply: ler_sum => v _; apply: ler_wpmul2l; first by case: (P_laws u).
by apply: IH => s len; apply: below; rewrite /= len.
Qed.

Lemma E_constant k u c : E k u (fun _ => c) = c.
Proof.
elim: k u => //= k IH u; under eq_bigr do rewrite IH.
by rewrite -mulr_suml; case: (P_laws u) => _ ->; rewrite mul1r.
Qed.

Lemma E_add k u G G' : E k u (fun s => G s + G' s) = E k u G + E k u G'.
Proof.
elim: k u G G' => //= k IH u G G'; rewrite -big_split /=; apply: eq_bigr => v _.
by rewrite -mulrDr (IH _ (fun s => G (v :: s)) (fun s => G' (v :: s))).
Qed.

Lemma E_scale k u c G : E k u (fun s => c * G s) = c * E k u G.
Proof.
elim: k u G => //= k IH u G; rewrite mulr_sumr; apply: eq_bigr => v _.
by rewrite (IH _ (fun s => G (v :: s))) mulrCA.
Qed.

Lemma E_opp k u G : E k u (fun s => - G s) = - E k u G.
Proof. by rewrite -mulN1r -E_scale; apply: eq_E => s _; rewrite mulN1r. Qed.

Lemma E_sum (J : finType) k u (G : J -> seq X -> F) : E k u (fun s => \sum_j G j s) = \sum_j E k u (G j).
Proof.
elim: k u G => //= k IH u G; rewrite exchange_big /=; apply: eq_bigr => v _.
by rewrite (IH _ (fun j s => G j (v :: s))) mulr_sumr.
Qed.

Lemma E_swap k l u v (G : seq X -> seq X -> F) :
  E k u (fun s => E l v (fun s' => G s s')) = E l v (fun s' => E k u (fun s => G s s')).
Proof.
elim: k u G => //= k IH u G; rewrite E_sum; apply: eq_bigr => w _.
by rewrite (IH _ (fun s => G (w :: s))) E_scale.
Qed.

Lemma E_cat k l u G : E (k + l) u G = E k u (fun s => E l (last u s) (fun s' => G (s ++ s'))).
Proof. by elim: k u G => //= k IH u G; apply: eq_bigr => v _; rewrite IH. Qed.

Lemma E_last g u (H : X -> F) : E g u (fun s => H (last u s)) = \sum_v power P g u v * H v.
Proof.
elim: g u => [|g IH] u /=.
  by rewrite (bigD1 u) //= eqxx mul1r big1 ?addr0 // => v /negbTE; rewrite eq_sym => ->; rewrite mul0r.
rewrite (eq_bigr (fun v => P u v * \sum_w power P g v w * H w)) => [|v _]; last by rewrite IH.
under eq_bigr do rewrite mulr_sumr; rewrite exchange_big /=; apply: eq_bigr => w _.
by rewrite mulr_suml; apply: eq_bigr => v _; rewrite mulrA.
Qed.

Lemma E_near k u G G' c : (forall s, size s = k -> `|G s - G' s| <= c) -> `|E k u G - E k u G'| <= c.
Proof.
move=> near; rewrite -E_opp -E_add -(E_constant k u c) ler_norml -E_opp; apply/andP; split; apply: E_le => s len.
  by have := near s len; rewrite ler_norml => /andP[].
by have := near s len; rewrite ler_norml => /andP[].
Qed.

Lemma E_norm k u G c : (forall s, size s = k -> `|G s| <= c) -> `|E k u G| <= c.
Proof.
move=> range; rewrite -[E k u G]subr0 -(E_constant k u 0); apply: E_near => s len.
by rewrite subr0; apply: range.
Qed.

Lemma average_near (mu : X -> F) G G' c : law mu -> (forall u, `|G u - G' u| <= c) -> `|\sum_u mu u * G u - \sum_u mu u * G' u| <= c.
Proof.
move=> [mu0 mu1] near; rewrite -sumrB; apply: le_trans (ler_norm_sum _ _ _) _.
rewrite -[X in _ <= X]mul1r -{1}mu1 mulr_suml; apply: ler_sum => u _.
by rewrite -mulrBr normrM ger0_norm // ler_wpmul2l.
Qed.

Lemma average_norm (mu : X -> F) G c : law mu -> (forall u, `|G u| <= c) -> `|\sum_u mu u * G u| <= c.
Proof.
move=> mu_law range.
have : `|\sum_u mu u * G u - \sum_u mu u * 0| <= c by apply: average_near => // u; rewrite subr0.
by rewrite [X in _ - X]big1 ?subr0 // => u _; rewrite mulr0.
Qed.

Lemma average_le (mu : X -> F) G G' : law mu -> (forall u, G u <= G' u) -> \sum_u mu u * G u <= \sum_u mu u * G' u.
Proof. by move=> [mu0 _] below; apply: ler_sum => u _; apply: ler_wpmul2l. Qed.

Lemma laws_near (mu nu : X -> F) (H : X -> F) (d : F) :
  law mu -> law nu -> TV mu nu <= d -> (forall v, `|H v| <= 1) -> `|\sum_v mu v * H v - \sum_v nu v * H v| <= 2%:R * d.
Proof.
move=> mu_law nu_law near range; apply: (@le_trans _ _ (2%:R * TV mu nu)); last by rewrite ler_pmul2l ?ltr0n.
rewrite -distance_of_sums // -sumrB; apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => v _.
by rewrite -mulrBl normrM ler_pimulr // normr_ge0.
Qed.

Variables (pi : X -> F) (g : nat) (d : F).
Hypotheses (pi_law : law pi) (stays : push pi P =1 pi) (mixes : forall x, TV (power P g x) pi <= d).

Lemma gap u (H : X -> F) : (forall v, `|H v| <= 1) -> `|E g u (fun s => H (last u s)) - \sum_v pi v * H v| <= 2%:R * d.
Proof. by move=> range; rewrite E_last; apply: laws_near => //; apply: power_law. Qed.

Lemma longer_gap j u (H : X -> F) :
  (forall v, `|H v| <= 1) -> `|E (j + g) u (fun s => H (last u s)) - \sum_v pi v * H v| <= 2%:R * d.
Proof.
move=> range; rewrite E_last; apply: laws_near => //; first exact: power_law.
rewrite (eq_TV (power_add P _ _ u) (fun _ => erefl)); apply: distance_to_mixture => //; exact: power_law.
Qed.

Lemma stationary_mean k (H : X -> F) : \sum_u pi u * E k u (fun s => H (last u s)) = \sum_u pi u * H u.
Proof.
transitivity (\sum_u pi u * \sum_v power P k u v * H v); first by apply: eq_bigr => u _; rewrite E_last.
under eq_bigr do rewrite mulr_sumr; rewrite exchange_big /=; apply: eq_bigr => v _.
by rewrite -(stationary_power k stays) mulr_suml; apply: eq_bigr => u _; rewrite mulrA.
Qed.

(* Two kept pieces, and a function U of them *)
Lemma two_pieces (nu : X -> F) kb i (U : X -> seq X -> X -> seq X -> F) :
  law nu -> (forall x b v a, `|U x b v a| <= 1) ->
  `|\sum_u nu u * E g u (fun s1 => E kb (last u s1) (fun b => E g (last (last u s1) b) (fun s2 =>
      E i (last (last (last u s1) b) s2) (fun a => U (last u s1) b (last (last (last u s1) b) s2) a))))
    - \sum_v pi v * E i v (fun a => E g (last v a) (fun s =>
      E kb (last (last v a) s) (fun b => U (last (last v a) s) b v a)))| <= 6%:R * d.
Proof.
move=> nu_law range.
pose joint x b := \sum_v pi v * E i v (fun a => U x b v a).
pose product := \sum_x pi x * E kb x (joint x).
have joint_range x b : `|joint x b| <= 1 by apply: average_norm => // v; apply: E_norm.
set real := \sum_u _; set other := \sum_v _.
have first_gap : `|\sum_u nu u * E g u (fun s1 => E kb (last u s1) (joint (last u s1))) - product| <= 2%:R * d.
  have -> : product = \sum_u nu u * product by case: nu_law => _ nu1; rewrite -mulr_suml nu1 mul1r.
  apply: (average_near nu_law) => u; apply: (@gap u (fun x => E kb x (joint x))) => x.
  by apply: E_norm.
have second_gap : `|real - \sum_u nu u * E g u (fun s1 => E kb (last u s1) (joint (last u s1)))| <= 2%:R * d.
  apply: (average_near nu_law) => u; apply: E_near => s1 _; apply: E_near => b _.
  apply: (@gap _ (fun v => E i v (fun a => U (last u s1) b v a))) => v.
  by apply: E_norm.
have third_gap : `|other - product| <= 2%:R * d.
  have -> : product = \sum_v pi v * E i v (fun a => \sum_x pi x * E kb x (fun b => U x b v a)).
    rewrite /product /joint; transitivity (\sum_x \sum_v pi x * (pi v * E kb x (fun b => E i v (fun a => U x b v a)))).
      apply: eq_bigr => x _; rewrite E_sum mulr_sumr; apply: eq_bigr => v _; by rewrite E_scale.
    rewrite exchange_big /=; apply: eq_bigr => v _; rewrite E_sum mulr_sumr; apply: eq_bigr => x _.
    by rewrite E_scale E_swap mulrCA.
  apply: average_near => // v; apply: E_near => a _.
  apply: (@gap _ (fun x => E kb x (fun b => U x b v a))) => x.
  by apply: E_norm.
have -> : 6%:R * d = (2%:R * d + 2%:R * d) + 2%:R * d by rewrite -!mulrDl -!natrD.
set middle := \sum_u _ in first_gap second_gap.
have -> : real - other = (real - middle) + (middle - product) - (other - product).
  by rewrite addrA subrK opprB addrA subrK.
apply: le_trans (ler_norm_sub _ _) _; apply: ler_add => //.
by apply: le_trans (ler_norm_add _ _) _; apply: ler_add.
Qed.

Section Moved.

Variables (nu : X -> F) (f f' c : X -> seq X -> F).
Hypotheses (nu_law : law nu) (c_ge0 : forall u s, 0 <= c u s).
Hypotheses (f_range : forall u s, `|f u s| <= 1) (f'_range : forall u s, `|f' u s| <= 1).

Lemma above_least u s : -1 <= f' u s + c u s.
Proof. by apply: ler_paddr => //; have := f'_range u s; rewrite ler_norml => /andP[]. Qed.

Lemma maximum_range (J : finType) (keep : pred J) (u : J -> X) (s : J -> seq X) :
  `|\big[Num.max/-1]_j (if keep j then f (u j) (s j) else -1)| <= 1.
Proof.
rewrite ler_norml; apply/andP; split.
  by elim/big_rec: _ => // j x _ x_ge; rewrite le_maxr x_ge orbT.
apply: bigmax_le => [|j]; first by apply: le_trans ler01; rewrite oppr_le0 ler01.
case: ifP => _; last by apply: le_trans ler01; rewrite oppr_le0 ler01.
by have := f_range (u j) (s j); rewrite ler_norml => /andP[].
Qed.

Lemma above_by_two_pieces kb i g3 :
  (forall u s1 b s2 a v s s3, size s1 = g -> size b = kb -> size s2 = g -> size a = i -> size s = g -> size s3 = g3 ->
    last u s1 = last (last v a) s -> last (last (last u s1) b) s2 = v ->
    f u (s1 ++ (b ++ (s2 ++ a))) <= f' v (a ++ (s ++ (b ++ s3))) + c v (a ++ (s ++ (b ++ s3)))) ->
  mean nu (g + (kb + (g + i))) f <=
  mean pi (i + (g + (kb + g3))) f' + mean pi (i + (g + (kb + g3))) c + 6%:R * d.
Proof.
move=> compared.
pose keep x b v (j : X * g.-tuple X * g.-tuple X) := (last j.1.1 j.1.2 == x) && (last (last x b) j.2 == v).
pose U x b v a := \big[Num.max/-1]_j (if keep x b v j then f j.1.1 (j.1.2 ++ (b ++ (j.2 ++ a))) else -1).
have range x b v a : `|U x b v a| <= 1.
  exact: (maximum_range (keep x b v) (fun j => j.1.1) (fun j => j.1.2 ++ (b ++ (j.2 ++ a)))).
have := two_pieces kb i nu_law range; rewrite ler_norml => /andP[_]; rewrite ler_subl_addl => coupled.
apply: le_trans _ (le_trans coupled _).
  apply: average_le => // u; rewrite E_cat; apply: E_le => s1 len1; rewrite E_cat; apply: E_le => b _.
  rewrite E_cat; apply: E_le => s2 len2; apply: E_le => a _.
  pose j : X * g.-tuple X * g.-tuple X := (u, Tuple (introT eqP len1), Tuple (introT eqP len2)).
  by apply: le_trans _ (le_bigmax _ _ j); rewrite /keep /= !eqxx.
rewrite ler_add2r /mean -big_split /=.
rewrite [X in _ <= X](eq_bigr (fun v => pi v * E (i + (g + (kb + g3))) v (fun s => f' v s + c v s))) => [|v _]; last first.
  by rewrite E_add mulrDr.
apply: average_le => // v; rewrite E_cat; apply: E_le => a len_a; rewrite E_cat; apply: E_le => s len_s.
rewrite E_cat; apply: E_le => b len_b.
rewrite -[U _ _ _ _](E_constant g3 (last (last (last v a) s) b)); apply: E_le => s3 len3.
apply: bigmax_le => [|j]; first exact: above_least.
case: ifP => [/andP[/eqP start /eqP stop] | _]; last exact: above_least.
by apply: compared; rewrite ?size_tuple // start.
Qed.

Lemma above_by_one_piece j k e g3 :
  (forall u s1 a v s0 s3, size s1 = (j + g)%N -> size a = k -> size s0 = e -> size s3 = g3 -> last u s1 = last v s0 ->
    f u (s1 ++ a) <= f' v (s0 ++ (a ++ s3)) + c v (s0 ++ (a ++ s3))) ->
  mean nu (j + g + k) f <= mean pi (e + (k + g3)) f' + mean pi (e + (k + g3)) c + 2%:R * d.
Proof.
move=> compared.
pose U v a := \big[Num.max/-1]_(t : X * (j + g).-tuple X) (if last t.1 t.2 == v then f t.1 (t.2 ++ a) else -1).
have range v a : `|U v a| <= 1.
  exact: (maximum_range (fun t : X * (j + g).-tuple X => last t.1 t.2 == v) (fun t => t.1) (fun t => t.2 ++ a)).
pose H v := E k v (U v); have H_range v : `|H v| <= 1 by apply: E_norm.
have coupled : \sum_u nu u * E (j + g) u (fun s => H (last u s)) <= \sum_v pi v * H v + 2%:R * d.
  have -> : \sum_v pi v * H v = \sum_u nu u * \sum_v pi v * H v by case: nu_law => _ nu1; rewrite -mulr_suml nu1 mul1r.
  rewrite -ler_subl_addl; apply: le_trans (ler_norm _) _; apply: average_near => // u; exact: longer_gap.
apply: le_trans _ (le_trans coupled _).
  apply: average_le => // u; rewrite E_cat; apply: E_le => s1 len1; apply: E_le => a _.
  by apply: le_trans _ (le_bigmax _ _ (u, Tuple (introT eqP len1))); rewrite /= eqxx.
rewrite ler_add2r -(stationary_mean e) /mean -big_split /=.
rewrite [X in _ <= X](eq_bigr (fun v => pi v * E (e + (k + g3)) v (fun s => f' v s + c v s))) => [|v _]; last first.
  by rewrite E_add mulrDr.
apply: average_le => // v; rewrite E_cat; apply: E_le => s0 len0; rewrite E_cat; apply: E_le => a len_a.
rewrite -[U _ _](E_constant g3 (last (last v s0) a)); apply: E_le => s3 len3.
apply: bigmax_le => [|t]; first exact: above_least.
by case: ifP => [/eqP start | _]; [apply: compared; rewrite ?size_tuple | apply: above_least].
Qed.

End Moved.

Lemma mean_opp mu k f : mean mu k (fun u s => - f u s) = - mean mu k f.
Proof. by rewrite /mean -sumrN; apply: eq_bigr => u _; rewrite E_opp mulrN. Qed.

Lemma norm_from_both (x y z : F) : x <= y + z -> - x <= - y + z -> `|x - y| <= z.
Proof.
move=> above below; rewrite ler_norml ler_subl_addl above andbT ler_subr_addr.
by rewrite -ler_opp2 opprD opprK addrC.
Qed.

Theorem moved_by_two_pieces nu f f' c kb i g3 :
  law nu -> (forall u s, 0 <= c u s) -> (forall u s, `|f u s| <= 1) -> (forall u s, `|f' u s| <= 1) ->
  (forall u s1 b s2 a v s s3, size s1 = g -> size b = kb -> size s2 = g -> size a = i -> size s = g -> size s3 = g3 ->
    last u s1 = last (last v a) s -> last (last (last u s1) b) s2 = v ->
    `|f u (s1 ++ (b ++ (s2 ++ a))) - f' v (a ++ (s ++ (b ++ s3)))| <= c v (a ++ (s ++ (b ++ s3)))) ->
  `|mean nu (g + (kb + (g + i))) f - mean pi (i + (g + (kb + g3))) f'|
    <= 6%:R * d + mean pi (i + (g + (kb + g3))) c.
Proof.
move=> nu_law c_ge0 f_range f'_range near; rewrite [X in _ <= X]addrC; apply: norm_from_both; rewrite addrA.
  apply: above_by_two_pieces => // u s1 b s2 a v s s3 l1 lb l2 la ls l3 start stop.
  rewrite -ler_subl_addl; apply: le_trans (ler_norm _) _; exact: near.
rewrite -!mean_opp; apply: above_by_two_pieces => // [u s|u s|u s1 b s2 a v s s3 l1 lb l2 la ls l3 start stop].
- by rewrite normrN.
- by rewrite normrN.
rewrite -ler_subl_addl opprK addrC; apply: le_trans (ler_norm _) _; rewrite distrC; exact: near.
Qed.

Theorem moved_by_one_piece nu f f' c j k e g3 :
  law nu -> (forall u s, 0 <= c u s) -> (forall u s, `|f u s| <= 1) -> (forall u s, `|f' u s| <= 1) ->
  (forall u s1 a v s0 s3, size s1 = (j + g)%N -> size a = k -> size s0 = e -> size s3 = g3 -> last u s1 = last v s0 ->
    `|f u (s1 ++ a) - f' v (s0 ++ (a ++ s3))| <= c v (s0 ++ (a ++ s3))) ->
  `|mean nu (j + g + k) f - mean pi (e + (k + g3)) f'| <= 2%:R * d + mean pi (e + (k + g3)) c.
Proof.
move=> nu_law c_ge0 f_range f'_range near; rewrite [X in _ <= X]addrC; apply: norm_from_both; rewrite addrA.
  apply: above_by_one_piece => // u s1 a v s0 s3 l1 la l0 l3 start.
  rewrite -ler_subl_addl; apply: le_trans (ler_norm _) _; exact: near.
rewrite -!mean_opp; apply: above_by_one_piece => // [u s|u s|u s1 a v s0 s3 l1 la l0 l3 start].
- by rewrite normrN.
- by rewrite normrN.
rewrite -ler_subl_addl opprK addrC; apply: le_trans (ler_norm _) _; rewrite distrC; exact: near.
Qed.

End Chain.
