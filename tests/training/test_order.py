import itertools

import torch

from tenfold.training.order import derive, permutation


def test_a_derived_seed_depends_on_all_of_its_path_and_nothing_else() -> None:
    seeds = [
        derive(seed, *path) for seed in (0, 1, 10) for path in (("a",), ("b",), ("a", 0), ("a", 1), (0,))
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive(0, "order", 3) == 5486038029339273987  # the same with every version, on every machine


def test_the_permutation_is_a_function_of_seed_and_epoch() -> None:
    orders = {(seed, epoch): permutation(seed, epoch, 50) for seed in (0, 1) for epoch in (0, 1)}
    for one, other in itertools.combinations(orders, 2):
        assert not torch.equal(orders[one], orders[other])
    for (seed, epoch), order in orders.items():
        assert sorted(order.tolist()) == list(range(50))
        torch.manual_seed(seed + epoch)  # the global generator has no say
        assert torch.equal(permutation(seed, epoch, 50), order)
