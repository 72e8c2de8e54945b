"""A small network as pandapower has it, and the refusal of one."""

import copy
import functools

import pandapower as pp
import pytest

import fastp2p


def chain(n_lines=3, **trafo):
    """A transformer from bus 0 to bus 1, and lines 1-2, 2-3, … below it."""
    return copy.deepcopy(_built(n_lines, **trafo))


@functools.cache
def _built(n_lines, **trafo):
    net = pp.create_empty_network()
    for kv in [20.0] + [0.4] * (n_lines + 1):
        pp.create_bus(net, kv)
    pp.create_ext_grid(net, 0)
    pp.create_transformer_from_parameters(
        net, 0, 1, **{"sn_mva": 0.4, "vn_hv_kv": 20.0, "vn_lv_kv": 0.4, "vkr_percent": 1.2, "vk_percent": 6.0, "pfe_kw": 1.28,
                      "i0_percent": 0.5, **trafo},
    )  # fmt: skip
    for bus in range(1, n_lines + 1):
        pp.create_line(net, bus, bus + 1, 0.1, "NAYY 4x150 SE")
    return net


def refused(net, *message):
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.Network.from_pandapower(net)
    for piece in message:
        assert piece in str(error.value)
    return error.value.faults
