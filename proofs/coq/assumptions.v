(* The theorems of index.json: each as Coq understands it, then the axioms that its proof rests on. *)

From Coq Require Import Reals.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset finfun bigop.
From mathcomp Require Import order ssralg ssrnum.
From SubNGrams Require score_identity score_blocks chain_rule estimator_bound sufficient_condition.
From SubNGrams Require infinite_length decay sampled_label rotation edits visits type_one.
From SubNGrams Require stationary_type_one edited_lists contraction chains type_two.
From SubNGrams Require landscape.

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
Check @infinite_length.query_side.
Print Assumptions infinite_length.query_side.
Check @decay.decay.
Print Assumptions decay.decay.
Check @sampled_label.sampled_label.
Print Assumptions sampled_label.sampled_label.
Check @sampled_label.block_by_sampled_label.
Print Assumptions sampled_label.block_by_sampled_label.
Check @sampled_label.difference_at_most_one.
Print Assumptions sampled_label.difference_at_most_one.
Check @rotation.rotation.
Print Assumptions rotation.rotation.
Check @rotation.rotation_of_matched.
Print Assumptions rotation.rotation_of_matched.
Check @rotation.gamma_of_q.
Print Assumptions rotation.gamma_of_q.
Check @decay.size_of_active_query.
Print Assumptions decay.size_of_active_query.
Check @decay.size_of_active_key.
Print Assumptions decay.size_of_active_key.
Check @decay.any_key_functional.
Print Assumptions decay.any_key_functional.
Check @edits.edits.
Print Assumptions edits.edits.
Check @edited_lists.edits_of_lists.
Print Assumptions edited_lists.edits_of_lists.
Check @visits.visits.
Print Assumptions visits.visits.
Check @visits.stationary_visits.
Print Assumptions visits.stationary_visits.
Check @stationary_type_one.stationary_bound.
Print Assumptions stationary_type_one.stationary_bound.
Check @chains.moved_by_two_pieces.
Print Assumptions chains.moved_by_two_pieces.
Check @chains.moved_by_one_piece.
Print Assumptions chains.moved_by_one_piece.
Check @type_two.target_moved.
Print Assumptions type_two.target_moved.
Check @type_two.type_two.
Print Assumptions type_two.type_two.
Check @contraction.distance_of_sums.
Print Assumptions contraction.distance_of_sums.
Check @contraction.contraction.
Print Assumptions contraction.contraction.
Check @contraction.powers_contract.
Print Assumptions contraction.powers_contract.
Check @contraction.distance_decays.
Print Assumptions contraction.distance_decays.
Check @type_one.type_one_difference.
Print Assumptions type_one.type_one_difference.
Check @type_one.type_one_block.
Print Assumptions type_one.type_one_block.
Check @landscape.curvature_at_saddles.
Print Assumptions landscape.curvature_at_saddles.
Check @landscape.slope_or_curvature.
Print Assumptions landscape.slope_or_curvature.
Check @landscape.no_saddle_below.
Print Assumptions landscape.no_saddle_below.
Check @landscape.birth_and_death.
Print Assumptions landscape.birth_and_death.
