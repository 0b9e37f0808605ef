"""Sub-n-grams are near-stationary points (Varre, Yüce, Flammarion, ICML 2025): the float layer.

the network    network, hessian, escape_race
any module     population_gradient, with own_module, watch, without_trace
sequences      sequences (all of a length), sampling
engines        autograd, closed_form, monte_carlo
               transfer given the kernel: transfer, chain_power, exponential_sum
               transfer over the prior: annealed, given_kernel, integration, kernel_rules, low_degree, relabelling,
               with the closed forms infinite_length, first_order (with elimination)
training       training, recording, trajectory; to read a run: levels, plateaus, gradient_norm, symmetries, stages
gradient flow  flow, rest_points, flow_approach
"""
