(* SN18 in one statement: type II blocks of every chain, by mixing and rotation.

   A chain on a finite set X of contexts, with any kernel P, any start nu and a stationary law pi. Its words are its m steps
   w_1, ..., w_m, pairs of contexts. A word has a context h(w) in S^L, its tokens at the lags of Lambda, and a label y(w) in
   S. The last word is the target t, the words before it are keys, and so are the boundary keys of a set B of n - 1 >= 1
   elements, given by the first context. Seen from the target, word w has weight r^(number of lags at which h(w) differs from
   h(t)), r = 1/q in [0, 1], and a value f(t, w) in [0, 1] that depends on the target through h(t) alone (a + 1 in Lambda).
   A boundary key has any weight and value in [0, 1], and any label. (The padded and the literal heads are two cases.) Let

       Phi  =  mean of the values over all keys  -  mean over those with the target's label,  0 if there are none.

   If TV(P^g(x, .), pi) <= d for all x, then, over any ordered field, with Phi_F(w_i) of rotation.v for a stationary stretch,

       |m mean of Phi - sum_i mean of Phi_F(w_i)|  <=  6 m d + S^L (S + 1) (2 g + n - 1)   if g < m        target_moved
       |mean of Phi|  <=  Gamma + min(1, 6 d + S^L (S + 1) (2 g + n - 1) / m).                             type_two

   contraction.v bounds d by a power of 1 - delta. Lemma 0, sampled_label.v, says that the block tested against f is the mean
   of Phi. Here X, h, y are any: for n-grams X is the set of the n - 1 last tokens. *)

From Coq Require Import Lia.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype tuple finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require Import ordered_field rotation edits edited_lists contraction chains.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section TypeTwo.

Variables (F : realFieldType) (X S L B : finType).
Notation Word := (X * X)%type.
Notation Context := {ffun L -> S}.
Variables (h : Word -> Context) (y : Word -> S) (r : F) (f : Word -> Word -> F).
Variables (boundary_weight boundary_value : X -> Word -> B -> F) (boundary_label : X -> B -> S).
Hypotheses (r_range : 0 <= r <= 1) (f_range : forall t w, 0 <= f t w <= 1).
Hypothesis reads_context : forall t t' w, h t = h t' -> f t w = f t' w.
Hypothesis boundary_weights : forall u t b, 0 <= boundary_weight u t b <= 1.
Hypothesis boundary_values : forall u t b, 0 <= boundary_value u t b <= 1.
Hypothesis B_gt0 : (0 < #|B|)%N.

Definition words (u : X) (s : seq X) : seq Word := pairmap pair u s.
Definition weight_of (t w : Word) : F := r ^+ distance (h t) (h w).

(* Keys are words or boundary keys. *)
Notation Key := [eqType of (Word + B)%type].
Definition key_weight (u : X) (t : Word) (k : Key) : F :=
  match k with inl w => weight_of t w | inr b => boundary_weight u t b end.
Definition key_value (u : X) (t : Word) (k : Key) : F :=
  match k with inl w => f t w | inr b => boundary_value u t b end.
Definition key_label (u : X) (k : Key) : S := match k with inl w => y w | inr b => boundary_label u b end.

Definition target (u : X) (s : seq X) : Word := last (u, u) (words u s).
Definition keys (u : X) (s : seq X) : seq Key :=
  [seq inl w | w <- take (size s).-1 (words u s)] ++ [seq inr b | b <- enum B].
Definition Phi_of_keys (u : X) (t : Word) (l : seq Key) : F :=
  Phi_over (key_weight u t) (key_value u t) (key_label u) l (y t).
Definition Phi_real (u : X) (s : seq X) : F := Phi_of_keys u (target u s) (keys u s).

(* Every word in turn as the target *)
Definition Phi_words (l : seq Word) (t : Word) : F := Phi_over (weight_of t) (f t) y l (y t).
Definition at_place (i : nat) (u : X) (s : seq X) : F := Phi_words (words u s) (nth (u, u) (words u s) i).

Lemma weight_range t w : 0 <= weight_of t w <= 1.
Proof. by case/andP: r_range => r_ge0 r_le1; rewrite exprn_ge0 ?exprn_ile1. Qed.

Lemma key_weight_range u t k : 0 <= key_weight u t k <= 1.
Proof. by case: k => [w|b]; [apply: weight_range | apply: boundary_weights]. Qed.

Lemma key_value_range u t k : 0 <= key_value u t k <= 1.
Proof. by case: k => [w|b]; [apply: f_range | apply: boundary_values]. Qed.

Lemma Phi_real_le1 u s : `|Phi_real u s| <= 1.
Proof. by apply: Phi_over_le1; [apply: key_weight_range | apply: key_value_range]. Qed.

Lemma at_place_le1 i u s : `|at_place i u s| <= 1.
Proof. by apply: Phi_over_le1; [apply: weight_range | apply: f_range]. Qed.

Lemma Phi_of_words u t (l : seq Word) : Phi_of_keys u t [seq inl w | w <- l] = Phi_words l t.
Proof. by rewrite /Phi_of_keys /Phi_words /Phi_over /mean_over has_map !big_map. Qed.

(* What a few words more or less do: r / N(h) and r / N(h, y), with counts in a list *)
Definition few (n : nat) (l : seq Word) (t : Word) : F :=
  Num.min 1 (n%:R / (count (fun w => h w == h t) l)%:R)
  + Num.min 1 (n%:R / (count (fun w => (y w == y t) && (h w == h t)) l)%:R).

Lemma few_ge0 n l t : 0 <= few n l t.
Proof. by rewrite addr_ge0 // le_minr ler01 divr_ge0 ?ler0n. Qed.

Section Compared.

Variables (u : X) (g : nat) (t : Word) (R1 R2 b A F0 F1 F3 : seq Word).
Hypotheses (few_keys : (size R1 + size R2 <= 2 * g)%N) (few_words : (size F0 + size F1 + size F3 <= 2 * g)%N).

Lemma compared :
  `|Phi_of_keys u t ([seq inl w | w <- R1 ++ (b ++ (R2 ++ A))] ++ [seq inr k | k <- enum B])
    - Phi_words (F0 ++ (rcons A t ++ (F1 ++ (b ++ F3)))) t|
  <= few (2 * g + #|B|) (F0 ++ (rcons A t ++ (F1 ++ (b ++ F3)))) t.
Proof.
set W := F0 ++ _; set n := (2 * g + #|B|)%N.
pose C := b ++ A; pose DA := t :: F0 ++ F1 ++ F3.
have same_words : perm_eq (C ++ DA) W.
  by apply/permP => p; rewrite /C /DA /W -cats1 !count_cat /= !count_cat; set x := (p t : nat); rewrite -!plusE; lia.
have same_keys : perm_eq ([seq inl w | w <- C] ++ ([seq inl w | w <- R1 ++ R2] ++ [seq inr k | k <- enum B]))
    ([seq inl w | w <- R1 ++ (b ++ (R2 ++ A))] ++ [seq inr k | k <- enum B]).
  rewrite catA -map_cat perm_cat2r perm_map //; apply/permP => p.
  by rewrite /C !count_cat -!plusE; lia.
pose matching (k : Key) := if k is inl w then h w == h t else false.
have full k : matching k -> key_weight u t k = 1.
  case: k => //= w /eqP same; rewrite /weight_of /distance same (_ : [set _ | _] = set0) ?cards0 //.
  by apply/setP => l; rewrite !inE eqxx.
have := @edits_of_lists F Key S (key_weight u t) (key_value u t) (key_label u) matching (@key_weight_range u t)
  (@key_value_range u t) full [seq inl w | w <- C] [seq inl w | w <- DA]
  ([seq inl w | w <- R1 ++ R2] ++ [seq inr k | k <- enum B]) (inl t) n.
rewrite (Phi_over_perm _ _ _ _ same_keys) -map_cat -/(Phi_of_keys u t _) => near.
have := near; rewrite -/(Phi_of_keys u t [seq inl w | w <- C ++ DA]) Phi_of_words !count_map => {}near.
rewrite /Phi_words -(Phi_over_perm _ _ _ _ same_words) /few -!(permP same_words).
apply: near.
- by rewrite map_f // mem_cat inE eqxx orbT.
- exact: eqxx.
- rewrite size_map /DA /= !size_cat -addn1 addnA; exact: leq_add.
- by rewrite size_cat !size_map size_cat leq_add // cardE enumT.
Qed.

End Compared.

Lemma words_cat u s1 s2 : words u (s1 ++ s2) = words u s1 ++ words (last u s1) s2.
Proof. exact: pairmap_cat. Qed.

Lemma compared_places u s v s' g t (R1 R2 b A F0 F1 F3 : seq Word) i :
  words u s = R1 ++ (b ++ (R2 ++ rcons A t)) -> words v s' = F0 ++ (rcons A t ++ (F1 ++ (b ++ F3))) ->
  (size F0 + size A)%N = i -> (size R1 + size R2 <= 2 * g)%N -> (size F0 + size F1 + size F3 <= 2 * g)%N ->
  `|Phi_real u s - at_place i v s'| <= few (2 * g + #|B|) (words v s') (nth (v, v) (words v s') i).
Proof.
move=> real other <- few_keys few_words.
have -> : nth (v, v) (words v s') (size F0 + size A) = t.
  rewrite other nth_cat ltnNge leq_addr /= addKn nth_cat size_rcons ltnS leqnn nth_rcons ltnn eqxx //.
rewrite /at_place (_ : nth _ _ _ = t); last first.
  rewrite other nth_cat ltnNge leq_addr /= addKn nth_cat size_rcons ltnS leqnn nth_rcons ltnn eqxx //.
have size_s : size s = size (words u s) by rewrite size_pairmap.
rewrite /Phi_real /target /keys size_s real other -!rcons_cat last_rcons size_rcons /= -cats1 take_size_cat //.
exact: compared.
Qed.

(* The places of a list in which a class is met, counted by 1 / N, add up to the number of classes. *)
Lemma reciprocals (C : finType) (kappa : Word -> C) (l : seq Word) :
  \sum_(w <- l) ((count (fun w' => kappa w' == kappa w) l)%:R : F)^-1 <= #|C|%:R.
Proof.
rewrite (partition_big kappa predT) //= -sum1_card natr_sum; apply: ler_sum => c _.
rewrite (eq_bigr (fun _ => ((count (fun w' => kappa w' == c) l)%:R : F)^-1)) => [|w /eqP -> //].
rewrite big_const_seq iter_addr_0 -[X in X <= _]mulr_natl.
set n := count _ l; have [-> | n_gt0] := posnP n; first by rewrite mul0r ler01.
by rewrite divff ?pnatr_eq0 -?lt0n.
Qed.

Lemma few_sum n l : \sum_(w <- l) few n l w <= (#|S| ^ #|L| * (#|S| + 1) * n)%:R.
Proof.
have min_le (x : nat) : Num.min 1 (n%:R / x%:R) <= n%:R * (x%:R)^-1 :> F by rewrite le_minl lexx orbT.
rewrite big_split /= mulnDr muln1 mulnDl natrD addrC; apply: ler_add.
  apply: le_trans (ler_sum _ (fun w _ => min_le _)) _; rewrite -mulr_sumr mulnC natrM; apply: ler_wpmul2l; first exact: ler0n.
  rewrite -card_ffun -card_prod.
  apply: le_trans (reciprocals (fun w => (h w, y w)) l); apply: le_of_eq; apply: eq_bigr => w _.
  by congr ((_ %:R)^-1); apply: eq_count => w'; rewrite xpair_eqE andbC.
apply: le_trans (ler_sum _ (fun w _ => min_le _)) _; rewrite -mulr_sumr mulnC natrM; apply: ler_wpmul2l; first exact: ler0n.
by rewrite -card_ffun; apply: reciprocals.
Qed.

Lemma rotated (l : seq Word) : (0 < #|S|)%N -> `|\sum_(t <- l) Phi_words l t| <= (size l)%:R * Gamma S #|L| r.
Proof.
move=> S_gt0; pose item := tnth (in_tuple l).
have r_ge0 : 0 <= r by case/andP: r_range.
have k_ge0 (i : 'I_(size l)) : 0 <= (1 : F) by apply: ler01.
pose value (t i : 'I_(size l)) : F := f (item t) (item i).
have range t i : 0 <= value t i <= 1 by apply: f_range.
have reads (t t' i : 'I_(size l)) : (h \o item) t = (h \o item) t' -> value t i = value t' i.
  by move=> same; apply: reads_context.
have /andP[below above] := rotation (y \o item) k_ge0 r_ge0 S_gt0 range reads.
have size_l : m (fun _ : 'I_(size l) => 1 : F) = (size l)%:R by rewrite /m sumr_const card_ord.
rewrite size_l in above; apply: le_trans _ (le_trans below above); apply: le_of_eq; congr (`|_|).
rewrite [LHS]big_tnth; apply: eq_bigr => i _; rewrite mul1r -/item /Phi_words /Phi_over.
have -> : has (labelled y (y (item i))) l.
  by apply/hasP; exists (item i); [apply: mem_tnth | apply: eqxx].
rewrite /Phi_F /rotation.mean /mean_over.
have over (Q : pred Word) (G : Word -> F) : \sum_(w <- l | Q w) G w = \sum_(j | Q (item j)) G (item j) by apply: big_tnth.
rewrite !over; congr (_ / _ - _ / _); apply: eq_bigr => j _; by rewrite /rotation.weight /weight_of /= mulr1.
Qed.

Section Mixing.

Variables (P : X -> X -> F) (nu pi : X -> F) (g : nat) (d : F) (m : nat).
Hypotheses (P_laws : kernel P) (nu_law : law nu) (pi_law : law pi) (stays : push pi P =1 pi).
Hypothesis mixes : forall x, TV (power P g x) pi <= d.

Notation n := (2 * g + #|B|)%N.
Notation few_at i := (fun u s => few n (words u s) (nth (u, u) (words u s) i)).

Lemma d_ge0 : 0 <= d.
Proof.
have [x _ | empty] := pickP (mem X); first exact: le_trans (TV_ge0 (power_law g P_laws x) pi_law) (mixes x).
case: nu_law => _ /eqP; rewrite big_pred0 => [|x]; first by rewrite eq_sym oner_eq0.
by have := empty x; rewrite inE.
Qed.

Lemma last_word u s k : size s = k.+1 -> exists A t, words u s = rcons A t /\ size A = k.
Proof.
move=> len; have : size (words u s) = k.+1 by rewrite size_pairmap.
case: (lastP (words u s)) => // A t; rewrite size_rcons => -[<-]; by exists A, t.
Qed.

Lemma one_place i : (i < m)%N -> (g < m)%N ->
  `|mean P nu m Phi_real - mean P pi m (at_place i)| <= 6%:R * d + mean P pi m (few_at i).
Proof.
move=> i_lt g_lt; have c_ge0 u s : 0 <= few_at i u s by apply: few_ge0.
have [two | one] := leqP (i.+1 + 2 * g) m.
  pose kb := (m - (i.+1 + 2 * g))%N.
  have real : (g + (kb + (g + i.+1)))%N = m.
    by rewrite /kb; move/ssrnat.leP: two; rewrite -multE -!plusE -minusE; lia.
  have other : (i.+1 + (g + (kb + g)))%N = m.
    by rewrite /kb; move/ssrnat.leP: two; rewrite -multE -!plusE -minusE; lia.
  rewrite -{1}real -{1 2}other.
  apply: moved_by_two_pieces => // [u s|u s|u s1 b s2 a v s s3 l1 lb l2 la ls l3 start stop].
  - exact: Phi_real_le1.
  - exact: at_place_le1.
  have [A [t [last_a size_A]]] := last_word v la.
  apply: (@compared_places _ _ _ _ _ t (words u s1) (words (last (last u s1) b) s2) (words (last u s1) b) A [::]
    (words (last v a) s) (words (last (last u s1) b) s3)).
  - by rewrite !words_cat stop last_a.
  - by rewrite !words_cat last_a -start.
  - by rewrite add0n.
  - by rewrite !size_pairmap l1 l2 addnn mul2n.
  - by rewrite !size_pairmap ls l3 add0n addnn mul2n.
pose k := minn i.+1 (m - g); pose j := (m - g - k)%N; pose e := (i.+1 - k)%N; pose g3 := (m - i.+1)%N.
have [real other k_gt0 few_keys few_words] : [/\ (j + g + k)%N = m, (e + (k + g3))%N = m, (0 < k)%N,
    (j + g + 0 <= 2 * g)%N & (e + 0 + g3 <= 2 * g)%N].
  rewrite /e /g3 /j /k /minn; move/ssrnat.ltP: i_lt; move/ssrnat.ltP: g_lt; move/ssrnat.ltP: one; case: ltnP => /ssrnat.leP;
    rewrite -multE -!minusE -!plusE => *; split; try apply/ssrnat.leP; lia.
rewrite -{1}real -{1 2}other.
apply: (@le_trans _ _ (2%:R * d + mean P pi (e + (k + g3)) (few_at i))); last first.
  by rewrite ler_add2r ler_wpmul2r ?d_ge0 // ler_nat.
apply: moved_by_one_piece => // [u s|u s|u s1 a v s0 s3 l1 la l0 l3 start].
- exact: Phi_real_le1.
- exact: at_place_le1.
have size_a : size a = k.-1.+1 by rewrite la prednK.
have [A [t [last_a size_A]]] := last_word (last u s1) size_a.
apply: (@compared_places _ _ _ _ _ t (words u s1) [::] [::] A (words v s0) [::] (words (last (last v s0) a) s3)).
- by rewrite words_cat last_a.
- by rewrite !words_cat -start last_a.
- rewrite size_A size_pairmap l0; apply: succn_inj; rewrite -addnS prednK // /e subnK //; exact: geq_minl.
- by rewrite size_pairmap l1.
- by rewrite !size_pairmap l0 l3.
Qed.

Lemma mean_sum (G : nat -> X -> seq X -> F) k :
  mean P pi k (fun u s => \sum_(i < m) G i u s) = \sum_(i < m) mean P pi k (G i).
Proof.
rewrite /mean exchange_big /=; apply: eq_bigr => u _.
by rewrite (E_sum P (J := [finType of 'I_m]) k u (fun i => G i u)) mulr_sumr.
Qed.

Lemma over_places (G : seq Word -> Word -> F) u s : size s = m ->
  \sum_(i < m) G (words u s) (nth (u, u) (words u s) i) = \sum_(w <- words u s) G (words u s) w.
Proof. by move=> len; rewrite (big_nth (u, u)) big_mkord size_pairmap len. Qed.

Theorem target_moved : (g < m)%N ->
  `|m%:R * mean P nu m Phi_real - \sum_(i < m) mean P pi m (at_place i)|
    <= m%:R * (6%:R * d) + (#|S| ^ #|L| * (#|S| + 1) * (2 * g + #|B|))%:R.
Proof.
move=> g_lt.
have few_mean : \sum_(i < m) mean P pi m (few_at i) <= (#|S| ^ #|L| * (#|S| + 1) * n)%:R.
  rewrite -(mean_sum (fun i => few_at i)).
  apply: le_trans (ler_norm _) _; apply: average_norm => // u; apply: E_norm => // s len.
  rewrite ger0_norm; last by apply: sumr_ge0 => i _; apply: few_ge0.
  by rewrite (over_places (few n)) //; apply: few_sum.
have -> : m%:R * mean P nu m Phi_real - \sum_(i < m) mean P pi m (at_place i)
    = \sum_(i < m) (mean P nu m Phi_real - mean P pi m (at_place i)).
  by rewrite sumrB sumr_const card_ord -[_ Phi_real *+ m]mulr_natl.
apply: le_trans (ler_norm_sum _ _ _) _.
apply: (@le_trans _ _ (\sum_(i < m) (6%:R * d + mean P pi m (few_at i)))).
  by apply: ler_sum => i _; apply: one_place.
by rewrite big_split /= sumr_const card_ord -[X in X + _]mulr_natl ler_add2l.
Qed.

Theorem type_two : (0 < #|S|)%N -> (0 < m)%N ->
  `|mean P nu m Phi_real| <=
    Gamma S #|L| r + Num.min 1 (6%:R * d + (#|S| ^ #|L| * (#|S| + 1) * (2 * g + #|B|))%:R / m%:R).
Proof.
move=> S_gt0 m_gt0; have m_pos : 0 < m%:R :> F by rewrite ltr0n.
have Gamma_ge0 : 0 <= Gamma S #|L| r.
  rewrite /Gamma subr_ge0 invf_le1 ?exprn_ege1 ?exprn_gt0 // ?(lt_le_trans ltr01) //;
    by apply: base_ge1 => //; case/andP: r_range.
have at_most_1 : `|mean P nu m Phi_real| <= 1.
  by apply: average_norm => // u; apply: E_norm => // s _; apply: Phi_real_le1.
rewrite addr_minr le_minr (ler_paddl Gamma_ge0) //=.
have [g_lt | g_ge] := ltnP g m; last first.
  apply: (ler_paddl Gamma_ge0); apply: le_trans at_most_1 _; apply: ler_paddl; first by rewrite mulr_ge0 ?ler0n ?d_ge0.
  rewrite ler_pdivl_mulr // mul1r ler_nat; apply: (leq_trans g_ge); apply: (@leq_trans (1 * n)).
    by rewrite mul1n mul2n -addnn -addnA leq_addr.
  by rewrite leq_mul2r muln_gt0 expn_gt0 S_gt0 addn1 orbT.
rewrite -(ler_pmul2l m_pos) mulrDr [m%:R * (6%:R * d + _)]mulrDr.
rewrite [m%:R * (_%:R / m%:R)]mulrC divfK ?gt_eqF //.
pose places := \sum_(i < m) mean P pi m (at_place i).
have rotated_mean : `|places| <= m%:R * Gamma S #|L| r.
  rewrite /places -(mean_sum at_place); apply: average_norm => // u; apply: E_norm => // s len.
  by rewrite (over_places Phi_words) // -[in X in _ <= X]len -(size_pairmap pair u s); apply: rotated.
rewrite -(ger0_norm (ler0n F m)) -normrM (ger0_norm (ler0n F m)) -[m%:R * mean _ _ _ _](subrK places) addrC.
by apply: le_trans (ler_norm_add _ _) _; apply: ler_add => //; apply: target_moved.
Qed.

End Mixing.

End TypeTwo.
