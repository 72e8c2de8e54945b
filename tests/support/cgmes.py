"""A street in CGMES 2.4.15: a transformer of 250 kVA, three cables of 145 A in a row, a load at the end of each."""

from pathlib import Path

SCHEMA = "http://iec.ch/TC57/2013/CIM-schema-cim16#"
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cim="{SCHEMA}"
 xmlns:md="http://iec.ch/TC57/61970-552/ModelDescription/1#">
<md:FullModel rdf:about="urn:uuid:PROFILE"><md:Model.profile>http://entsoe.eu/CIM/PROFILE/3/1</md:Model.profile></md:FullModel>
"""
BASE = """
GeographicalRegion region
SubGeographicalRegion area SubGeographicalRegion.Region=#region
Substation station Substation.Region=#area
BaseVoltage kv20 BaseVoltage.nominalVoltage=20
BaseVoltage kv04 BaseVoltage.nominalVoltage=0.4
VoltageLevel level20 VoltageLevel.BaseVoltage=#kv20 VoltageLevel.Substation=#station
VoltageLevel level04 VoltageLevel.BaseVoltage=#kv04 VoltageLevel.Substation=#station
ConnectivityNode mv ConnectivityNode.ConnectivityNodeContainer=#level20
ConnectivityNode bar ConnectivityNode.ConnectivityNodeContainer=#level04
ExternalNetworkInjection grid Equipment.EquipmentContainer=#level20 RegulatingCondEq.RegulatingControl=#control
RegulatingControl control RegulatingControl.mode=RegulatingControlModeKind.voltage RegulatingControl.Terminal=#grid_1
OperationalLimitType patl OperationalLimitType.limitType=LimitTypeKind.patl
PowerTransformer trafo Equipment.EquipmentContainer=#station
"""
WINDING = (
    "PowerTransformerEnd winding{n} PowerTransformerEnd.PowerTransformer=#trafo TransformerEnd.Terminal=#trafo_{n} "
    "TransformerEnd.endNumber={n} TransformerEnd.BaseVoltage=#{level} PowerTransformerEnd.ratedS=0.25 "
    "PowerTransformerEnd.ratedU={kv} PowerTransformerEnd.r={r} PowerTransformerEnd.x={x} PowerTransformerEnd.g={g} "
    "PowerTransformerEnd.b={b}\n"
)
AT_A_HOME = """
ConnectivityNode {bus} ConnectivityNode.ConnectivityNodeContainer=#level04
ACLineSegment cable_{bus} Equipment.EquipmentContainer=#level04 ConductingEquipment.BaseVoltage=#kv04 Conductor.length=0.05 \
ACLineSegment.r=0.01605 ACLineSegment.x=0.004 ACLineSegment.bch=0 ACLineSegment.gch=0
OperationalLimitSet limits_{bus} OperationalLimitSet.Terminal=#cable_{bus}_1
CurrentLimit limit_{bus} OperationalLimit.OperationalLimitSet=#limits_{bus} OperationalLimit.OperationalLimitType=#patl \
CurrentLimit.value=145
EnergyConsumer load_{bus} Equipment.EquipmentContainer=#level04
"""
STATE = """
ExternalNetworkInjection grid ExternalNetworkInjection.p=0 ExternalNetworkInjection.q=0 \
ExternalNetworkInjection.referencePriority=1 RegulatingCondEq.controlEnabled=true
RegulatingControl control RegulatingControl.enabled=true RegulatingControl.discrete=false RegulatingControl.targetValue=20.4
"""
LOADS = {"a": 3.0, "b": 4.0, "c": 5.0}
"""kW; a quarter as many kvar."""


def write_cgmes(folder: Path) -> None:
    """The files of two profiles, equipment and steady state."""
    equipment = BASE + WINDING.format(n=1, level="kv20", kv=20, r=20, x=60, g=1e-6, b=-2e-6)
    equipment += WINDING.format(n=2, level="kv04", kv=0.4, r=0, x=0, g=0, b=0)
    state, ends, above = STATE, [("grid", 1, "mv"), ("trafo", 1, "mv"), ("trafo", 2, "bar")], "bar"
    for bus, kw in LOADS.items():
        equipment += AT_A_HOME.format(bus=bus)
        state += f"EnergyConsumer load_{bus} EnergyConsumer.p={kw / 1000} EnergyConsumer.q={kw / 4000}\n"
        ends += [(f"cable_{bus}", 1, above), (f"cable_{bus}", 2, bus), (f"load_{bus}", 1, bus)]
        above = bus
    for of, n, bus in ends:
        equipment += f"Terminal {of}_{n} Terminal.ConductingEquipment=#{of} Terminal.ConnectivityNode=#{bus} "
        equipment += f"ACDCTerminal.sequenceNumber={n}\n"
        state += f"Terminal {of}_{n} ACDCTerminal.connected=true\n"
    for profile, objects in {"EquipmentCore": equipment, "SteadyStateHypothesis": state}.items():
        xml = HEAD.replace("PROFILE", profile) + "".join(map(_as_xml, filter(None, objects.splitlines()))) + "</rdf:RDF>\n"
        (folder / f"{profile}.xml").write_text(xml, encoding="utf-8")


def _as_xml(line: str) -> str:
    """An object from its class, its name and its properties: a number, a #reference or a value of a Kind."""
    kind, name, *properties = line.split()
    text = f'<cim:{kind} rdf:ID="{name}"><cim:IdentifiedObject.name>{name}</cim:IdentifiedObject.name>'
    for tag, value in (one.split("=") for one in properties):
        resource = SCHEMA + value if "Kind." in value else value if value.startswith("#") else None
        text += f"<cim:{tag}>{value}</cim:{tag}>" if resource is None else f'<cim:{tag} rdf:resource="{resource}"/>'
    return f"{text}</cim:{kind}>\n"
