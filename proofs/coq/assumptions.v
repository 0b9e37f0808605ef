(* The theorems of index.json: each as Coq understands it, then the axioms that its proof rests on. *)

From Coq Require Import Reals.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require score_identity score_blocks chain_rule estimator_bound.
From SubNGrams Require sufficient_condition infinite_length decay.

Check @score_identity.score_identity.
Print Assumptions score_identity.score_identity.
Check @score_identity.scores_sum_to_zero.
Print Assumptions score_identity.scores_sum_to_zero.
Check @score_blocks.score_block.
Print Assumptions score_blocks.score_block.
Check @chain_rule.gradient_in_Q.
Print Assumptions chain_rule.gradient_in_Q.
Check @chain_rule.gradient_in_K.
Print Assumptions chain_rule.gradient_in_K.
Check @chain_rule.gradient_in_V.
Print Assumptions chain_rule.gradient_in_V.
Check @estimator_bound.estimator_bound.
Print Assumptions estimator_bound.estimator_bound.
Check @chain_rule.attention_at_configuration.
Print Assumptions chain_rule.attention_at_configuration.
Check @estimator_bound.half_bound_fails.
Print Assumptions estimator_bound.half_bound_fails.
Check @sufficient_condition.sufficient_condition.
Print Assumptions sufficient_condition.sufficient_condition.
Check @sufficient_condition.measurability_is_needed.
Print Assumptions sufficient_condition.measurability_is_needed.
Check @infinite_length.stationary.
Print Assumptions infinite_length.stationary.
Check @decay.decay.
Print Assumptions decay.decay.
