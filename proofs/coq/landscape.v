(* The landscape of "Transformers Learn Nonlinear Features In Context": MF7, MF8, MF9 and MF14 for every k, m, H.

   H and T (the target, F on the page) are k x m matrices, A = H H' has an inverse a, P = H' a H is a projection,
   N = T - T P, Z = N N', M = a H T', 2L = tr Z. dL/dH = - M N, and along the homotopy (1 - s) H + s R T

       slope  dL/ds = - tr(R' M Z),
       form   D^2 L[RT, RT] = tr(M' R Z R' M) - tr(Z R' a R Z) + 2 tr(M' R M' R Z).

   (These derivatives are MF2 and MF5, identities that are proved elsewhere for every k and m.) Norms are given by what
   they bound: alpha >= |A| where y' A y <= alpha |y|^2 for all y, r <= r_low where |T' x|^2 >= r |x|^2 for all x.

     - below the first saddle (MF9):  x' M' A M x >= (r - 2L) |x|^2, and alpha |dL/dH|^2 >= 2L (r - 2L)  no_saddle_below
     - where M Z = 0 (MF7): along R with M' R = 0 and R' R Z = Z the slope is 0, the form is - tr(Z R' a R Z), and
       alpha form <= - tr(Z Z), k alpha form <= - 4 L^2                                       curvature_at_saddles
     - everywhere (MF8): for R = u v', Z v = z v, z > 0, unit vectors u and v, |M' u| <= |M w| for all unit w and
       |M Z w|^2 <= g |w|^2: form <= - z^2/alpha + 3 g/z, and form <= - z^2/(2 alpha) where 6 alpha g <= z^3
                                                                                             slope_or_curvature
     - birth and death (MF14), finitely many neurons: below                                      birth_and_death

   Over any ordered field. *)

From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finfun bigop.
From mathcomp Require Import order ssralg ssrnum matrix.
From SubNGrams Require Import ordered_field.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Sums.

Variable F : realFieldType.
Add Field laws : (field_laws F).

Lemma grow (t s x X y Y : F) : 0 <= x -> 0 <= X -> 0 <= y -> 0 <= Y ->
  t ^+ 2 <= x * y -> s ^+ 2 <= X * Y -> (t + s) ^+ 2 <= (x + X) * (y + Y).
Proof.
move=> x_ge0 X_ge0 y_ge0 Y_ge0 t_le s_le.
have cross : t * s + t * s <= x * Y + X * y.
  have right_ge0 : 0 <= x * Y + X * y by rewrite addr_ge0 ?mulr_ge0.
  have [neg | pos] := lerP (t * s + t * s) 0; first exact: le_trans neg right_ge0.
  rewrite -(@ler_pexpn2r _ 2) ?nnegrE ?(ltW pos) //.
  have both : t ^+ 2 * s ^+ 2 <= (x * y) * (X * Y) by rewrite ler_pmul ?sqr_ge0.
  have four : (t * s + t * s) ^+ 2 = t ^+ 2 * s ^+ 2 + t ^+ 2 * s ^+ 2 + t ^+ 2 * s ^+ 2 + t ^+ 2 * s ^+ 2.
    by algebra F.
  rewrite four; apply: le_trans (_ : _ <= x * y * (X * Y) + x * y * (X * Y) + x * y * (X * Y) + x * y * (X * Y)) _.
    by rewrite !ler_add.
  rewrite -subr_ge0; set right := (X in 0 <= X).
  have -> : right = (x * Y - X * y) ^+ 2 by rewrite /right; algebra F.
  exact: sqr_ge0.
have -> : (t + s) ^+ 2 = t ^+ 2 + s ^+ 2 + (t * s + t * s) by algebra F.
have -> : (x + X) * (y + Y) = x * y + X * Y + (x * Y + X * y) by algebra F.
by apply: ler_add cross; apply: ler_add.
Qed.

(* Cauchy and Schwarz. *)
Lemma cauchy_sums (I : Type) (l : seq I) (t x y : I -> F) :
  (forall i, 0 <= x i) -> (forall i, 0 <= y i) -> (forall i, t i ^+ 2 <= x i * y i) ->
  (\sum_(i <- l) t i) ^+ 2 <= (\sum_(i <- l) x i) * (\sum_(i <- l) y i).
Proof.
move=> x_ge0 y_ge0 below; elim: l => [|i l IH]; first by rewrite !big_nil expr0n mul0r.
by rewrite !big_cons grow ?sumr_ge0.
Qed.

End Sums.

(* The inner product of two matrices of one shape, and of columns. *)
Definition ip (F : realFieldType) p q (X Y : 'M[F]_(p, q)) : F := \tr (X^T *m Y).
Definition sq (F : realFieldType) p q (X : 'M[F]_(p, q)) : F := ip X X.

Section InnerProducts.

Variable F : realFieldType.

Lemma sum_one (f : 'I_1 -> F) : \sum_j f j = f ord0.
Proof. by rewrite big_ord_recl big_ord0 addr0. Qed.

Lemma ipE p q (X Y : 'M[F]_(p, q)) : ip X Y = \sum_j \sum_i X i j * Y i j.
Proof. by rewrite /ip /mxtrace; apply: eq_bigr => j _; rewrite mxE; apply: eq_bigr => i _; rewrite mxE. Qed.

Lemma ip_columns p q (X Y : 'M[F]_(p, q)) : ip X Y = \sum_j ip (col j X) (col j Y).
Proof.
rewrite ipE; apply: eq_bigr => j _; rewrite ipE sum_one.
by apply: eq_bigr => i _; rewrite !mxE.
Qed.

Lemma ipC p q (X Y : 'M[F]_(p, q)) : ip X Y = ip Y X.
Proof. by rewrite !ipE; apply: eq_bigr => j _; apply: eq_bigr => i _; rewrite mulrC. Qed.

Lemma sq_ge0 p q (X : 'M[F]_(p, q)) : 0 <= sq X.
Proof. by rewrite /sq ipE; apply: sumr_ge0 => j _; apply: sumr_ge0 => i _; rewrite -expr2 sqr_ge0. Qed.

Lemma sq_eq0 p q (X : 'M[F]_(p, q)) : sq X = 0 -> X = 0.
Proof.
rewrite /sq ipE => zero; apply/matrixP => i j; rewrite mxE.
have squares j' : 0 <= \sum_i' X i' j' * X i' j' by apply: sumr_ge0 => i' _; rewrite -expr2 sqr_ge0.
move/eqP: zero; rewrite psumr_eq0 // => /allP /(_ j (mem_index_enum j)) /=.
rewrite psumr_eq0 => [/allP /(_ i (mem_index_enum i)) /=|i' _]; last by rewrite -expr2 sqr_ge0.
by rewrite mulf_eq0 orbb => /eqP.
Qed.

Lemma cauchy p q (X Y : 'M[F]_(p, q)) : ip X Y ^+ 2 <= sq X * sq Y.
Proof.
rewrite /sq !ipE; apply: cauchy_sums => j; try by apply: sumr_ge0 => i _; rewrite -expr2 sqr_ge0.
by apply: cauchy_sums => i; rewrite -?expr2 ?sqr_ge0 // exprMn.
Qed.

Lemma ip_mull p q n (X : 'M[F]_(p, q)) (Y : 'M_(q, n)) (W : 'M_(p, n)) : ip (X *m Y) W = ip Y (X^T *m W).
Proof. by rewrite /ip trmx_mul mulmxA. Qed.

Lemma sq_tr p q (X : 'M[F]_(p, q)) : sq X^T = sq X.
Proof. by rewrite /sq /ip trmxK mxtrace_mulC. Qed.

Lemma sq_opp p q (X : 'M[F]_(p, q)) : sq (- X) = sq X.
Proof. by rewrite /sq !ipE; apply: eq_bigr => j _; apply: eq_bigr => i _; rewrite !mxE mulrNN. Qed.

(* |X y|^2 <= |X|^2 |y|^2, the norm of X being that of Frobenius *)
Lemma frobenius p q (X : 'M[F]_(p, q)) (y : 'cV_q) : sq (X *m y) <= sq X * sq y.
Proof.
have -> : sq X = \sum_i sq (col i X^T) by rewrite -(sq_tr X) /sq ip_columns.
have -> : sq (X *m y) = \sum_i (X *m y) i ord0 ^+ 2.
  by rewrite /sq ipE sum_one; apply: eq_bigr => i _; rewrite expr2.
rewrite mulr_suml; apply: ler_sum => i _.
have -> : (X *m y) i ord0 = ip (col i X^T) y.
  by rewrite ipE sum_one mxE; apply: eq_bigr => j _; rewrite !mxE.
exact: cauchy.
Qed.

(* The squared trace of a square matrix *)
Lemma trace_squared n (X : 'M[F]_n) : (\tr X) ^+ 2 <= n%:R * sq X.
Proof.
have -> : \tr X = ip 1%:M X by rewrite /ip trmx1 mul1mx.
apply: le_trans (cauchy _ _) _; rewrite ler_wpmul2r ?sq_ge0 //.
by rewrite /sq /ip trmx1 mul1mx mxtrace1.
Qed.

End InnerProducts.

Section Landscape.

Variables (F : realFieldType) (k m : nat) (H T : 'M[F]_(k, m)) (A a : 'M[F]_k) (alpha : F).
Add Field laws : (field_laws F).

Definition P : 'M[F]_m := H^T *m a *m H.
Definition N : 'M[F]_(k, m) := T - T *m P.
Definition Z : 'M[F]_k := N *m N^T.
Definition M : 'M[F]_k := a *m H *m T^T.
Definition gradient : 'M[F]_(k, m) := - (M *m N).
Definition slope (R : 'M[F]_k) : F := - \tr (R^T *m M *m Z).
Definition form (R : 'M[F]_k) : F :=
  \tr (M^T *m R *m Z *m R^T *m M) - \tr (Z *m R^T *m a *m R *m Z) + 2%:R * \tr (M^T *m R *m M^T *m R *m Z).

Hypothesis A_is : A = H *m H^T.
Hypothesis inverse : a *m A = 1%:M.
Hypothesis alpha_gt0 : 0 < alpha.
Hypothesis norm_of_A : forall y : 'cV_k, ip y (A *m y) <= alpha * sq y.

Lemma inverse' : A *m a = 1%:M. Proof. exact: mulmx1C. Qed.
Lemma A_tr : A^T = A. Proof. by rewrite A_is trmx_mul trmxK. Qed.
Lemma a_tr : a^T = a.
Proof. by rewrite -[LHS]mulmx1 -inverse' mulmxA -{1}A_tr -trmx_mul inverse' trmx1 mul1mx. Qed.
Lemma Z_tr : Z^T = Z. Proof. by rewrite /Z trmx_mul trmxK. Qed.
Lemma P_tr : P^T = P. Proof. by rewrite /P !trmx_mul trmxK a_tr mulmxA. Qed.
Lemma M_tr : M^T = T *m H^T *m a. Proof. by rewrite /M !trmx_mul trmxK a_tr mulmxA. Qed.

Lemma PH : P *m H^T = H^T.
Proof. by rewrite /P -(mulmxA (H^T *m a)) -A_is -mulmxA inverse mulmx1. Qed.

Lemma NH : N *m H^T = 0.
Proof. by rewrite /N mulmxBl -(mulmxA T) PH subrr. Qed.

Lemma NP : N *m P = 0.
Proof. by rewrite /P !mulmxA NH !mul0mx. Qed.

Lemma Z_short : Z = N *m T^T.
Proof. by rewrite /Z {2}/N linearB /= trmx_mul P_tr mulmxBr mulmxA NP mul0mx subr0. Qed.

(* M' A M = T T' - Z *)
Lemma explained : M^T *m A *m M = T *m T^T - Z.
Proof.
rewrite M_tr -(mulmxA _ a A) inverse mulmx1 Z_short /N mulmxBl opprB addrC subrK.
by rewrite /M /P !mulmxA.
Qed.

Lemma sq_Ht (y : 'cV_k) : sq (H^T *m y) = ip y (A *m y).
Proof. by rewrite /sq ip_mull trmxK mulmxA -A_is. Qed.

(* |y|^2 <= alpha y' a y *)
Lemma inverse_bound (y : 'cV_k) : sq y <= alpha * ip y (a *m y).
Proof.
have unfold : sq (H^T *m (a *m y)) = ip y (a *m y) by rewrite sq_Ht mulmxA inverse' mul1mx ipC.
have inner : ip (H^T *m y) (H^T *m (a *m y)) = sq y.
  by rewrite ip_mull trmxK mulmxA -A_is mulmxA inverse' mul1mx.
have ge0 : 0 <= ip y (a *m y) by rewrite -unfold sq_ge0.
have [zero | nonzero] := eqVneq (sq y) 0; first by rewrite zero mulr_ge0 ?(ltW alpha_gt0).
have pos : 0 < sq y by rewrite lt_def nonzero sq_ge0.
rewrite -(ler_pmul2l pos) -expr2 -{1}inner.
apply: le_trans (cauchy _ _) _.
by rewrite unfold mulrCA mulrA ler_wpmul2r // sq_Ht.
Qed.

(* Sums over columns *)
Lemma inverse_bounds q (Y : 'M_(k, q)) : sq Y <= alpha * ip Y (a *m Y).
Proof.
rewrite /sq (ip_columns Y Y) (ip_columns Y (a *m Y)) mulr_sumr; apply: ler_sum => j _.
have -> : col j (a *m Y) = a *m col j Y by rewrite !colE mulmxA.
exact: inverse_bound.
Qed.

Lemma trace_Z : \tr Z = sq N.
Proof. by rewrite /Z /sq /ip mxtrace_mulC. Qed.

Variable r : F.
Hypothesis r_low : forall x : 'cV_k, r * sq x <= sq (T^T *m x).

Lemma strongly_monotone (x : 'cV_k) : (r - \tr Z) * sq x <= ip (M *m x) (A *m (M *m x)).
Proof.
have -> : ip (M *m x) (A *m (M *m x)) = sq (T^T *m x) - sq (N^T *m x).
  rewrite ip_mull; have -> : M^T *m (A *m (M *m x)) = M^T *m A *m M *m x by rewrite !mulmxA.
  rewrite explained mulmxBl /sq !ip_mull !trmxK.
  by rewrite {1}/ip mulmxBr linearB /= (mulmxA T) (mulmxA N).
rewrite mulrBl; apply: ler_sub; first exact: r_low.
by apply: le_trans (frobenius _ _) _; rewrite sq_tr trace_Z.
Qed.

(* MF9: below the first saddle *)
Theorem no_saddle_below :
  (forall x : 'cV_k, (r - \tr Z) * sq x <= ip (M *m x) (A *m (M *m x))) /\
  \tr Z * (r - \tr Z) <= alpha * sq gradient.
Proof.
split; first exact: strongly_monotone.
rewrite /gradient sq_opp mulrC {2}trace_Z /sq (ip_columns N N) (ip_columns (M *m N)) !mulr_sumr.
apply: ler_sum => j _; have -> : col j (M *m N) = M *m col j N by rewrite !colE mulmxA.
exact: le_trans (strongly_monotone _) (norm_of_A _).
Qed.

Lemma gradient_of_MZ : M *m Z = 0 -> gradient = 0.
Proof.
move=> still; apply: sq_eq0; rewrite /gradient sq_opp -sq_tr.
by rewrite /sq /ip trmxK trmx_mul mulmxA -(mulmxA M) -/Z still mul0mx mxtrace0.
Qed.

(* MF7: at critical points *)
Theorem curvature_at_saddles (R : 'M[F]_k) :
  M *m Z = 0 -> M^T *m R = 0 -> R^T *m R *m Z = Z ->
  [/\ gradient = 0, slope R = 0, form R = - \tr (Z *m R^T *m a *m R *m Z),
      alpha * form R <= - \tr (Z *m Z) & k%:R * (alpha * form R) <= - (\tr Z) ^+ 2].
Proof.
move=> still null isometry.
have null' : R^T *m M = 0 by rewrite -[M]trmxK -trmx_mul null trmx0.
have value : form R = - \tr (Z *m R^T *m a *m R *m Z).
  by rewrite /form null !mul0mx mxtrace0 mulr0 addr0 sub0r.
have bound : alpha * form R <= - \tr (Z *m Z).
  rewrite value mulrN ler_oppl opprK.
  have -> : \tr (Z *m Z) = sq (R *m Z).
    by rewrite /sq ip_mull mulmxA isometry /ip Z_tr.
  have -> : \tr (Z *m R^T *m a *m R *m Z) = ip (R *m Z) (a *m (R *m Z)).
    by rewrite /ip trmx_mul Z_tr !mulmxA.
  exact: inverse_bounds.
split=> //; first exact: gradient_of_MZ.
  by rewrite /slope null' mul0mx mxtrace0 oppr0.
apply: le_trans (_ : _ <= k%:R * - \tr (Z *m Z)) _; first by rewrite ler_wpmul2l ?ler0n.
rewrite mulrN ler_opp2; apply: le_trans (trace_squared Z) _.
by rewrite /sq /ip Z_tr.
Qed.

(* MF8: everywhere *)
Theorem slope_or_curvature (u v : 'cV_k) (z g : F) :
  0 < z -> Z *m v = z *: v -> sq u = 1 -> sq v = 1 ->
  (forall w : 'cV_k, sq (M^T *m u) * sq w <= sq (M *m w)) ->
  (forall w : 'cV_k, sq (M *m (Z *m w)) <= g * sq w) ->
  form (u *m v^T) <= - z ^+ 2 / alpha + 3%:R * g / z /\
  (6%:R * alpha * g <= z ^+ 3 -> form (u *m v^T) <= - z ^+ 2 / (2%:R * alpha)).
Proof.
move=> z_gt0 top unit_u unit_v least norm_of_MZ.
set mu := M^T *m u.
have vZ : v^T *m Z = z *: v^T by rewrite -[LHS]trmxK trmx_mul trmxK Z_tr top linearZ.
have vv : v^T *m v = 1%:M by rewrite [LHS]mx11_scalar -trace_mx11 -/(ip v v) -/(sq v) unit_v.
have R_tr : (u *m v^T)^T = v *m u^T by rewrite trmx_mul trmxK.
have uM : u^T *m M = mu^T by rewrite /mu trmx_mul trmxK.
have MR : M^T *m (u *m v^T) = mu *m v^T by rewrite mulmxA.
have RZ : u *m v^T *m Z = z *: (u *m v^T) by rewrite -mulmxA vZ -scalemxAr.
have muZ : mu *m v^T *m Z = z *: (mu *m v^T) by rewrite -mulmxA vZ -scalemxAr.
have first : \tr (M^T *m (u *m v^T) *m Z *m (u *m v^T)^T *m M) = z * sq mu.
  rewrite R_tr -(mulmxA _ (v *m u^T) M) -(mulmxA v u^T M) uM MR muZ -scalemxAl mxtraceZ.
  by rewrite -(mulmxA mu) (mulmxA v^T) vv mul1mx /sq /ip mxtrace_mulC.
have second : \tr (Z *m (u *m v^T)^T *m a *m (u *m v^T) *m Z) = z ^+ 2 * ip u (a *m u).
  have -> : Z *m (u *m v^T)^T = (u *m v^T *m Z)^T by rewrite [RHS]trmx_mul Z_tr.
  rewrite -(mulmxA _ (u *m v^T) Z) RZ.
  have -> : (z *: (u *m v^T))^T = z *: (v *m u^T) by rewrite linearZ /= R_tr.
  rewrite -!scalemxAl -scalemxAr !mxtraceZ mulrA -expr2.
  rewrite (mulmxA _ u) mxtrace_mulC !mulmxA vv mul1mx -mulmxA.
  by rewrite /ip.
have third : \tr (M^T *m (u *m v^T) *m M^T *m (u *m v^T) *m Z) = z * ip v mu ^+ 2.
  have vmu : v^T *m mu = (ip v mu)%:M by rewrite [LHS]mx11_scalar -trace_mx11.
  rewrite MR -(mulmxA _ M^T) MR -(mulmxA _ _ Z) muZ -scalemxAr mxtraceZ.
  by rewrite -(mulmxA mu) (mulmxA v^T) vmu mul_scalar_mx -scalemxAr mxtraceZ mxtrace_mulC vmu mxtrace_scalar mulr1n.
have value : form (u *m v^T) = z * sq mu - z ^+ 2 * ip u (a *m u) + 2%:R * (z * ip v mu ^+ 2).
  by rewrite /form first second third.
have below_mu : ip v mu ^+ 2 <= sq mu by rewrite -[X in _ <= X]mul1r -unit_v cauchy.
have curve : 1 <= alpha * ip u (a *m u) by rewrite -unit_u inverse_bound.
have gain : z ^+ 2 * sq mu <= g.
  have -> : z ^+ 2 * sq mu = z ^+ 2 * (sq mu * sq v) by rewrite unit_v mulr1.
  apply: le_trans (_ : _ <= z ^+ 2 * sq (M *m v)) _; first by rewrite ler_wpmul2l ?sqr_ge0.
  rewrite -[X in _ <= X]mulr1 -unit_v; apply: le_trans (norm_of_MZ v).
  by rewrite top -scalemxAr /sq !ipE mulr_sumr le_of_eq //; apply: eq_bigr => j _; rewrite mulr_sumr;
     apply: eq_bigr => i _; rewrite [in RHS]mxE mulrACA -expr2.
have bound : form (u *m v^T) <= - z ^+ 2 / alpha + 3%:R * g / z.
  have gain' : z * sq mu <= g / z by rewrite ler_pdivl_mulr // mulrAC -expr2.
  have curve' : z ^+ 2 / alpha <= z ^+ 2 * ip u (a *m u).
    by rewrite ler_wpmul2l ?sqr_ge0 // -div1r ler_pdivr_mulr // mulrC.
  have -> : - z ^+ 2 / alpha + 3%:R * g / z = g / z - z ^+ 2 / alpha + 2%:R * (g / z).
    have -> : 3%:R = 1 + 2%:R :> F by rewrite -[1]/(1%:R) -natrD.
    by rewrite -mulrA mulrDl mul1r mulNr addrA [- _ + _]addrC.
  rewrite value; apply: ler_add; first exact: ler_sub.
  by rewrite ler_wpmul2l ?ler0n //; apply: le_trans gain'; rewrite ler_wpmul2l ?(ltW z_gt0).
split=> // small; apply: le_trans bound _.
set h := z ^+ 2 / (2%:R * alpha).
have two : z ^+ 2 / alpha = h + h by rewrite /h invfM [2%:R^-1 * _]mulrC mulrA -splitr.
have rise : 3%:R * g / z <= h.
  rewrite ler_pdivr_mulr // /h mulrAC -exprSr ler_pdivl_mulr ?mulr_gt0 ?ltr0n //.
  by rewrite mulrACA -natrM [g * _]mulrC mulrA.
rewrite !mulNr two opprD -/h; apply: le_trans (_ : _ <= - h - h + h) _; last by rewrite addrNK.
by rewrite ler_add2l.
Qed.

End Landscape.

(* MF14, for finitely many neurons. mu° has the masses p j at the neuron (a j, w j) and q j at (- a j, w j), and pi has
   the mass c j at either; dmu°/dpi <= ratio. g j is the gradient of the first variation in a at w j. That variation is
   linear in a, so that dL/ds = sum_j (p j - q j) (R a j) . g j. With mu = (1 - gamma) mu' + gamma pi the dissipation,
   the integral of |g|^2 under mu, is at least gamma sum_j 2 c j |g j|^2. Then

       2 gamma (dL/ds)^2  <=  ratio m_2 dissipation.                                                   birth_and_death *)
Section BirthDeath.

Variables (F : realFieldType) (k : nat) (J : finType) (p q c : J -> F) (a g : J -> 'cV[F]_k).
Variables (R : 'M[F]_k) (ratio gamma dissipation : F).
Hypotheses (p_ge0 : forall j, 0 <= p j) (q_ge0 : forall j, 0 <= q j) (c_ge0 : forall j, 0 <= c j).
Hypotheses (p_le : forall j, p j <= ratio * c j) (q_le : forall j, q j <= ratio * c j).
Hypothesis contraction : forall x : 'cV_k, sq (R *m x) <= sq x.
Hypothesis gamma_ge0 : 0 <= gamma.
Hypothesis ratio_ge0 : 0 <= ratio.
Hypothesis dissipates : gamma * (\sum_j 2%:R * c j * sq (g j)) <= dissipation.

Definition moment : F := \sum_j (p j + q j) * sq (a j).
Definition along_homotopy : F := \sum_j (p j - q j) * ip (R *m a j) (g j).

Lemma difference j : (p j - q j) ^+ 2 <= ratio * (p j + q j) * c j.
Proof.
have -> : (p j - q j) ^+ 2 = `|p j - q j| * `|p j - q j| by rewrite -normrM -expr2 ger0_norm ?sqr_ge0.
rewrite mulrAC.
have one x y : 0 <= x -> 0 <= y -> x <= ratio * c j -> y <= ratio * c j -> `|x - y| <= ratio * c j.
  move=> x_ge0 y_ge0 x_le y_le; rewrite ler_norml; apply/andP; split.
    by rewrite ler_subr_addr addrC; apply: le_trans x_ge0; rewrite subr_le0.
  by rewrite ler_subl_addr; apply: le_trans x_le _; rewrite ler_addl.
apply: ler_pmul; rewrite ?normr_ge0 ?one //.
by apply: le_trans (ler_norm_sub _ _) _; rewrite !ger0_norm.
Qed.

Theorem birth_and_death : 2%:R * gamma * along_homotopy ^+ 2 <= ratio * moment * dissipation.
Proof.
have step : along_homotopy ^+ 2 <= (ratio * moment) * \sum_j c j * sq (g j).
  have -> : ratio * moment = \sum_j ratio * ((p j + q j) * sq (a j)) by rewrite /moment mulr_sumr.
  rewrite /along_homotopy; apply: cauchy_sums => j.
  - by rewrite !mulr_ge0 ?addr_ge0 ?sq_ge0.
  - by rewrite mulr_ge0 ?sq_ge0.
  rewrite exprMn; apply: le_trans (_ : _ <= ratio * (p j + q j) * c j * (sq (a j) * sq (g j))) _.
    apply: ler_pmul; rewrite ?sqr_ge0 //; first exact: difference.
    by apply: le_trans (cauchy _ _) _; rewrite ler_wpmul2r ?sq_ge0.
  by rewrite mulrACA !mulrA.
have moment_ge0 : 0 <= ratio * moment.
  by rewrite mulr_ge0 // sumr_ge0 // => j _; rewrite mulr_ge0 ?addr_ge0 ?sq_ge0.
apply: le_trans (ler_wpmul2l moment_ge0 dissipates).
have -> : \sum_j 2%:R * c j * sq (g j) = 2%:R * \sum_j c j * sq (g j).
  by rewrite mulr_sumr; apply: eq_bigr => j _; rewrite mulrA.
rewrite [gamma * _]mulrCA [_ * (2%:R * _)]mulrCA -mulrA ler_wpmul2l ?ler0n //.
by rewrite [X in _ <= X]mulrCA ler_wpmul2l.
Qed.

End BirthDeath.
