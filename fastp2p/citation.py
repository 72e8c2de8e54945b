"""How to cite: the software, and the paper whose market it has."""

PAPER = """\
@inproceedings{vieirafernandes2024,
  author    = {Vieira Fernandes, Diana and Christin, Nicolas and Kar, Soummya},
  title     = {{Peer-to-Peer (P2P) Electricity Markets for Low Voltage Networks}},
  booktitle = {{IEEE International Conference on Communications, Control, and Computing Technologies for Smart Grids
               (SmartGridComm)}},
  year      = {2024},
  note      = {arXiv:2407.21403},
}
"""
SOFTWARE = """\
@software{{fastp2p,
  author  = {{{{The fastp2p authors}}}},
  title   = {{{{fastp2p}}}},
  version = {{{version}}},
  license = {{MIT}},
}}
"""


def citation() -> str:
    """BibTeX entries of fastp2p, with the version that is installed, and of the paper with the market and the two days.

    Returns
    -------
    str
        The entries ``fastp2p`` and ``vieirafernandes2024``, an empty line between them.
    """
    from importlib.metadata import version  # takes a tenth of a second to import

    return f"{SOFTWARE.format(version=version('fastp2p'))}\n{PAPER}"
