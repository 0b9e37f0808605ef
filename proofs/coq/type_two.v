(* SN18 in one statement: type II blocks of every chain, by mixing and rotation.

   A chain on a finite set X of contexts, with any kernel P, any start nu and a stationary law pi. Its words are its m steps
   w_1, ..., w_m, pairs of contexts. A word has a context h(w) in S^L, its tokens at the lags of Lambda, and a label y(w) in
   S. The last word is the target t, the words before it are keys, and so are the boundary keys of a set B of n - 1 >= 1
   elements, given by the first context. Seen from the target, word w has weight r^(number of lags at which h(w) differs from
   h(t)), r = 1/q in [0, 1], and a value f(t, w) in [0, 1] that depends on the target through h(t) alone (a + 1 in Lambda).
   A boundary key has any weight and value in [0, 1], and any label. (The padded and the literal heads are two cases.) Let

       Phi  =  mean of the values over all keys  -  mean over those with the target's label,  0 if there are none.

   If TV(P^g(x, .), pi) <= d for all x, then, over any ordered field,

       |mean of Phi|  <=  Gamma + min(1, 6 d + S^L (S + 1) (2 g + n - 1) / m).                                 type_two

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

End TypeTwo.
