"""Studies for reports: one whose texts would do harm as markup, and an audited sweep over PV and batteries."""

import fastp2p
from tests.support.sweeps import SWEEP

ATTACKS = (
    "<script>alert(1)</script>", "</script><script>alert(2)</script>", '"onload="alert(3)', "{{7*7}}", "$x$", "%{x}",
    "<img src=x onerror=alert(4)>", "a\u2028b", "<!--",
)  # fmt: skip
HOSTILE = fastp2p.studies()["paper-44"].with_(
    name="<script>alert(0)<$x$>{{7*7}}"[:90].replace("/", ""),
    description=" ".join(ATTACKS),
    currency="<i>$x$%{x}",
    load={"profile": ATTACKS[1].replace("/", "")},
    pv={"profile": "$x$ {{7*7}} <b>"},
)
AUDITED = SWEEP.with_(
    network={"limit_factor": 0.1, "v_max_pu": 1.02},
    battery={"kwh": 5.0},
    clearing={"audit": True},
    scenarios={"count": 12, "sweep": {"battery": [0.0, 1.0]}, "keep": ["hours", "participants", "branches"]},
)
