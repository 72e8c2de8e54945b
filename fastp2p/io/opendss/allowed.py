"""What a circuit is built with: commands, options, classes and their properties that the engine may see, as it orders them.

OpenDSS takes a shortened command, option or property as the first one of its own list that begins so. So the order counts, and
the lists hold also what is refused. They are those of the engine that the extra `opendss` installs, and a test compares them.
"""

COMMANDS = tuple(
    "New Edit More M ~ Select Save Show Solve Enable Disable Plot Reset Compile Set Dump Open Close // "
    "Redirect Help Quit ? Next Panel Sample Clear About Calcvoltagebases SetkVBase BuildY Get Init Export "
    "Fileedit Voltages Currents Powers Seqvoltages Seqcurrents Seqpowers Losses Phaselosses Cktlosses "
    "Allocateloads Formedit Totals Capacity Classes Userclasses Zsc Zsc10 ZscRefresh Ysc puvoltages "
    "VarValues Varnames Buscoords MakeBusList MakePosSeq Reduce Interpolate AlignFile TOP Rotate Vdiff "
    "Summary Distribute DI_plot Comparecases YearlyCurves CD Visualize CloseDI DOScmd Estimate Reconductor "
    "_InitSnap _SolveNoControl _SampleControls _DoControlActions _ShowControlQueue _SolveDirect _SolvePFlow "
    "AddBusMarker Uuids SetLoadAndGenKV CvrtLoadshapes NodeDiff Rephase SetBusXY UpdateStorage Obfuscate "
    "LatLongCoords BatchEdit Pstcalc Variable ReprocessBuses ClearBusMarkers RelCalc var Cleanup "
    "FinishTimeStep NodeList Connect Disconnect Remove CalcIncMatrix CalcIncMatrix_O Refine_BusLevels "
    "CalcLaplacian ExportOverloads ExportVViolations Zsc012 AllPCEatBus AllPDEatBus TotalPowers GISCoords "
    "ClearAll COMHelp NewActor Wait SolveAll Abort Clone".lower().split()
)
SENT = {"calcvoltagebases", "setkvbase", "enable", "disable", "open", "close"}
"""Commands whose words are handed on as they are; those with properties, options or files are taken apart first."""
BUILDS_NOTHING = set(
    "Solve _InitSnap _SolveNoControl _SampleControls _DoControlActions _SolveDirect _SolvePFlow Sample Get "
    "? // Reset Init About MakeBusList ReprocessBuses AddBusMarker ClearBusMarkers BuildY Interpolate "
    "CloseDI Voltages Currents Powers Losses Summary Totals".lower().split()
)
"""Passed over: the engine never solves."""
WHY = {
    "runs a program or opens a window": "doscmd shell fileedit formedit panel help comhelp _showcontrolqueue",
    "writes or draws": (
        "save show plot dump export visualize di_plot comparecases yearlycurves top alignfile obfuscate uuids "
        "exportoverloads exportvviolations"
    ),
    "changes where files are read and written": "cd",
    "changes a circuit by what a solution says": (
        "reduce makeposseq allocateloads distribute estimate reconductor rephase setloadandgenkv cvrtloadshapes "
        "updatestorage remove connect disconnect clone"
    ),
    "puts something in place of a word": "var",
}
OPTIONS = tuple(
    "type element hour sec year frequency stepsize mode random number time class object circuit editor "
    "tolerance maxiterations h Loadmodel Loadmult normvminpu normvmaxpu emergvminpu emergvmaxpu %mean "
    "%stddev LDCurve %growth Genkw Genpf CapkVAR Addtype Allowduplicates Zonelock UEweight Lossweight "
    "UEregs Lossregs Voltagebases Algorithm Trapezoidal Autobuslist Controlmode Tracecontrol Genmult "
    "Defaultdaily Defaultyearly Allocationfactors Cktmodel Pricesignal Pricecurve Terminal Basefrequency "
    "Harmonics Maxcontroliter Bus Datapath KeepList ReduceOption DemandInterval %Normal DIVerbose Casename "
    "Markercode Nodewidth Log Recorder Overloadreport Voltexceptionreport Cfactors ShowExport "
    "Numallociterations DefaultBaseFrequency Markswitches Switchmarkercode Daisysize Marktransformers "
    "TransMarkerCode TransMarkerSize LoadShapeClass EarthModel QueryLog MarkCapacitors MarkRegulators "
    "MarkPVSystems MarkStorage CapMarkerCode RegMarkerCode PVMarkerCode StoreMarkerCode CapMarkerSize "
    "RegMarkerSize PVMarkerSize StoreMarkerSize NeglectLoadY MarkFuses FuseMarkerCode FuseMarkerSize "
    "MarkReclosers RecloserMarkerCode RecloserMarkerSize RegistryUpdate MarkRelays RelayMarkerCode "
    "RelayMarkerSize ProcessTime TotalTime StepTime SampleEnergyMeters MinIterations DSSVisualizationTool "
    "KeepLoad Zmag SeasonRating SeasonSignal LineTypes EventLogDefault LongLineCorrection ShowReports "
    "NumCPUs NumCores NumActors ActiveActor CPU ActorProgress Parallel ConcatenateReports NUMANodes".lower().split()
)
SENT_OPTIONS = set("Loadmult Voltagebases Controlmode DefaultBaseFrequency EarthModel LongLineCorrection".lower().split())
IDLE_OPTIONS = set(
    "hour sec year stepsize mode random number time tolerance maxiterations h Loadmodel normvminpu "
    "normvmaxpu emergvminpu emergvmaxpu %mean %stddev %growth Zonelock UEweight Lossweight Algorithm "
    "Trapezoidal Defaultdaily Defaultyearly Maxcontroliter MinIterations Casename Markercode Nodewidth "
    "ShowExport Markswitches Switchmarkercode Daisysize Marktransformers TransMarkerCode TransMarkerSize "
    "LoadShapeClass MarkCapacitors MarkRegulators MarkPVSystems MarkStorage CapMarkerCode RegMarkerCode "
    "PVMarkerCode StoreMarkerCode CapMarkerSize RegMarkerSize PVMarkerSize StoreMarkerSize NeglectLoadY "
    "MarkFuses FuseMarkerCode FuseMarkerSize MarkReclosers RecloserMarkerCode RecloserMarkerSize MarkRelays "
    "RelayMarkerCode RelayMarkerSize ShowReports EventLogDefault Allowduplicates Zmag".lower().split()
)
"""How to solve and to draw."""

MEASURES = {"monitor", "energymeter", "sensor"}
"""Classes that build nothing."""
_RATED = "NormAmps EmergAmps FaultRate pctPerm Repair BaseFreq Enabled Like"
_INVERTER = "Kp PITol SafeVoltage SafeMode -DynamicEq -DynOut ControlMode AmpLimit AmpLimitGain Spectrum BaseFreq Enabled Like"
_WIRE = "RDC RAC RUnits GMRAC GMRUnits Radius RadUnits NormAmps EmergAmps Diam Seasons Ratings CapRadius Like"
_WINDINGS = "Conns kVs kVAs Taps XHL XHT XLT XSCArray Thermal n m FLRise HSRise %LoadLoss %NoLoadLoss NormHkVA EmergHkVA"
_PROPERTIES = {
    "Line": (
        "Bus1 Bus2 LineCode Length Phases R1 X1 R0 X0 C1 C0 RMatrix XMatrix CMatrix Switch Rg Xg rho Geometry Units Spacing "
        f"Wires EarthModel CNCables TSCables B1 B0 Seasons Ratings LineType {_RATED}"
    ),
    "LineCode": (
        "NPhases R1 X1 R0 X0 C1 C0 Units RMatrix XMatrix CMatrix BaseFreq NormAmps EmergAmps FaultRate PctPerm Repair Kron "
        "Rg Xg rho Neutral B1 B0 Seasons Ratings LineType Like"
    ),
    "LineGeometry": (
        "NConds NPhases Cond Wire X H Units NormAmps EmergAmps Reduce Spacing Wires CNCable TSCable CNCables TSCables "
        "Seasons Ratings LineType Like"
    ),
    "LineSpacing": "NConds NPhases X H Units Like",
    "WireData": _WIRE,
    "CNData": f"k DiaStrand GMRStrand RStrand EpsR InsLayer DiaIns DiaCable {_WIRE}",
    "TSData": f"DiaShield TapeLayer TapeLap EpsR InsLayer DiaIns DiaCable {_WIRE}",
    "Transformer": (
        f"Phases Windings Wdg Bus Conn kV kVA Tap %R RNeut XNeut Buses {_WINDINGS} Sub MaxTap MinTap NumTaps SubName %IMag "
        f"ppm_Antifloat %Rs Bank XfmrCode XRConst X12 X13 X23 LeadLag WdgCurrents Core RDCOhms Seasons Ratings {_RATED}"
    ),
    "XfmrCode": (
        f"Phases Windings Wdg Conn kV kVA Tap %R RNeut XNeut {_WINDINGS} MaxTap MinTap NumTaps %IMag ppm_Antifloat %Rs X12 "
        "X13 X23 RDCOhms Seasons Ratings Like"
    ),
    "Vsource": (
        "Bus1 BasekV pu Angle Frequency Phases MVASC3 MVASC1 X1R1 X0R0 Isc3 Isc1 R1 X1 R0 X0 ScanType Sequence Bus2 Z1 Z0 "
        "Z2 puZ1 puZ0 puZ2 BaseMVA Yearly Daily Duty Model puZIdeal Spectrum BaseFreq Enabled Like"
    ),
    "Load": (
        "Phases Bus1 kV kW PF Model Yearly Daily Duty Growth Conn kvar RNeut XNeut Status Class VMinpu VMaxpu VMinNorm "
        "VMinEmerg XfkVA AllocationFactor kVA %Mean %StdDev CVRWatts CVRVars kWh kWhDays CFactor CVRCurve NumCust ZIPV "
        "%SeriesRL RelWeight VLowpu puXHarm XRHarm Spectrum BaseFreq Enabled Like"
    ),
    "LoadShape": (
        "NPts Interval Mult Hour Mean StdDev CSVFile SngFile DblFile Action QMult UseActual PMax QMax SInterval MInterval "
        "PBase QBase PMult PQCSVFile MemoryMapping Interpolation Like"
    ),
    "Capacitor": (
        f"Bus1 Bus2 Phases kvar kV Conn CMatrix Cuf R XL Harm NumSteps States {_RATED}"
    ),
    "Reactor": f"Bus1 Bus2 Phases kvar kV Conn RMatrix XMatrix Parallel R X Rp Z1 Z2 Z0 Z RCurve LCurve LmH {_RATED}",
    "PVSystem": (
        "Phases Bus1 kV Irradiance Pmpp %Pmpp Temperature PF Conn kvar kVA %CutIn %CutOut EffCurve P-TCurve %R %X Model "
        "VMinpu VMaxpu Balanced LimitCurrent Yearly Daily Duty TYearly TDaily TDuty Class -UserModel -UserData -DebugTrace "
        f"VarFollowInverter DutyStart WattPriority PFPriority %PMinNoVars %PMinkvarMax kvarMax kvarMaxAbs kVDC {_INVERTER}"
    ),
    "Generator": (
        "Phases Bus1 kV kW PF kvar Model VMinpu VMaxpu Yearly Daily Duty DispMode DispValue Conn Status Class Vpu Maxkvar "
        "Minkvar PVFactor ForceOn kVA MVA Xd Xdp Xdpp H D -UserModel -UserData -ShaftModel -ShaftData DutyStart -DebugTrace "
        "Balanced XRdp UseFuel FuelkWh %Fuel %Reserve Refuel -DynamicEq -DynOut Spectrum BaseFreq Enabled Like"
    ),
    "Storage": (
        "Phases Bus1 kV Conn kW kvar PF kVA %CutIn %CutOut EffCurve VarFollowInverter kvarMax kvarMaxAbs WattPriority "
        "PFPriority %PMinNoVars %PMinkvarMax kWRated %kWRated kWhRated kWhStored %Stored %Reserve State %Discharge %Charge "
        "%EffCharge %EffDischarge %IdlingkW %Idlingkvar %R %X Model VMinpu VMaxpu Balanced LimitCurrent Yearly Daily Duty "
        "DispMode DischargeTrigger ChargeTrigger TimeChargeTrig Class -DynaDLL -DynaData -UserModel -UserData -DebugTrace "
        f"kVDC {_INVERTER}"
    ),
    "XYcurve": "NPts Points YArray XArray CSVFile SngFile DblFile X Y XShift YShift XScale YScale Like",
    "TShape": "NPts Interval Temp Hour Mean StdDev CSVFile SngFile DblFile SInterval MInterval Action Like",
    "GrowthShape": "NPts Year Mult CSVFile SngFile DblFile Like",
    "Spectrum": "NumHarm Harmonic %Mag Angle CSVFile Like",
    "RegControl": (
        "Transformer Winding VReg Band PTRatio CTPrim R X Bus Delay Reversible RevVReg RevBand RevR RevX TapDelay "
        "-DebugTrace MaxTapChange InverseTime TapWinding VLimit PTPhase RevThreshold RevDelay RevNeutral EventLog "
        "RemotePTRatio TapNum Reset LDC_Z Rev_Z Cogen BaseFreq Enabled Like"
    ),
    "CapControl": (
        "Element Terminal Capacitor Type PTRatio CTRatio OnSetting OffSetting Delay VoltOverride VMax VMin DelayOff "
        "DeadTime CTPhase PTPhase VBus EventLog -UserModel -UserData pctMinkvar Reset ControlSignal BaseFreq Enabled Like"
    ),
    "SwtControl": "SwitchedObj SwitchedTerm Action Lock Delay Normal State Reset BaseFreq Enabled Like",
    "TCC_Curve": "NPts C_Array T_Array Like",
    "Fuse": (
        "MonitoredObj MonitoredTerm SwitchedObj SwitchedTerm FuseCurve RatedCurrent Delay Action Normal State BaseFreq "
        "Enabled Like"
    ),
    "Recloser": (
        "MonitoredObj MonitoredTerm SwitchedObj SwitchedTerm NumFast PhaseFast PhaseDelayed GroundFast GroundDelayed "
        "PhaseTrip GroundTrip PhaseInst GroundInst Reset Shots RecloseIntervals Delay Action TDPhFast TDGrFast TDPhDelayed "
        "TDGrDelayed Normal State BaseFreq Enabled Like"
    ),
    "Relay": (
        "MonitoredObj MonitoredTerm SwitchedObj SwitchedTerm Type PhaseCurve GroundCurve PhaseTrip GroundTrip TDPhase "
        "TDGround PhaseInst GroundInst Reset Shots RecloseIntervals Delay OvervoltCurve UndervoltCurve kVBase 47%Pickup "
        "46BaseAmps 46%Pickup 46isqt Variable Overtrip Undertrip BreakerTime Action Z1Mag Z1Ang Z0Mag Z0Ang MPhase MGround "
        "EventLog -DebugTrace DistReverse Normal State DOC_TiltAngleLow DOC_TiltAngleHigh DOC_TripSettingLow "
        "DOC_TripSettingHigh DOC_TripSettingMag DOC_DelayInner DOC_PhaseCurveInner DOC_PhaseTripInner DOC_TDPhaseInner "
        "DOC_P1Blocking BaseFreq Enabled Like"
    ),
}  # fmt: skip
"""Properties by class, those that are refused behind a minus."""
PROPERTIES = {
    name.lower(): tuple(one.lower().removeprefix("-") for one in words.split()) for name, words in _PROPERTIES.items()
}
REFUSED = {
    name.lower(): {one.lower().removeprefix("-") for one in words.split() if one.startswith("-")}
    for name, words in _PROPERTIES.items()
}
FILES = {"csvfile", "sngfile", "dblfile", "pqcsvfile"}
"""Properties that name a file to be read."""


def full_name(word: str, known: tuple[str, ...]) -> str | None:
    """What OpenDSS takes a word for: the name itself, else the first one that begins with it."""
    low = word.lower()
    return low if low in known else next((name for name in known if low and name.startswith(low)), None)
