"""What random messages are made of: words of the instruments' languages, right and nearly right."""

_COMMON = """
*IDN? *RST *CLS *ESE *ESE? *ESR? *SRE *SRE? *STB? *OPC *OPC? *WAI *TRG *TST? *OPT? *SAV *RCL *LANG
*LANG? SYST:ERR? SYST:ERR:ALL? STAT:OPER? STAT:QUES:ENAB STAT:PRES
"""
_VALUES = """
0 1 -1 2 1.5 1e-6 -1E3 9.9e37 1e400 nan inf #H1F #B101 #Q17 MIN MAX DEF ON OFF INF NONE BUS IMM VOLT
CURR RES 'CURR:DC' "VOLT" "CURR","VOLT" (@1) (@1,2) (@1:2) (@1!1!1) (@1!1!1:1!2!3) (@101) (@00101)
(@1101:1108) 1V 10mA 2.5kohm 1,2,3 0.1,0.2 #15abcde #0abc #3999x "defbuffer1" 'defbuffer1' "open
( ) , ; : ? @ ! [ ] * 1,,2 LIST SWE FIX ASC REAL,32 SWAP ALWays NEXT
"""
_TSP = """
smua smub smua. smub. source measure levelv leveli limiti limitv rangei autorangev output func sense
nplc count delay i( v( iv( r( nvbuffer1 nvbuffer2 .n .readings .clear() print( printbuffer(
printnumber( 1 2 3 0.5 -1 1e9 1e-9 nil true = == .. , . ( ) [ ] { } # ; ' " 'x' errorqueue next()
count clear() format data asciiprecision byteorder status request_enable measurement node[1] node[2]
tsplink reset() localnode prompts showerrors digio readbit( writeport( trigger timer[1] blender[1]
event_id stimulus initiate() wait( abort channel close( open( getclose( exclusiveclose( "1A01"
"1A01:1B05" "allslots" "9Z99" "slot1" scan.create( scan.execute() setforbidden( connectrule
makebuffer( savebuffer( script.new( loadscript loadandrunscript endscript function end if then else
for k = 1, 10 do local x y return pcall( error( setmetatable( getmetatable( tostring( string.rep(
table.insert( coroutine.wrap( waitcomplete() delay( opc() beeper.beep( settime( gettimezone()
LinVSweepMeasureI( PulseIMeasureV( KIPulser ConfigPulseVMeasureI( display.settext( _G next( pairs(
"""
_DEVICE_DEPENDENT = """
C N P E R S V W U T F K M Z I J X A1 B2 C3 H12 A1,B2 ,C25 0 1 2 0,1 U0X U1X U2,1X CA1X NA1X P0X
"""
_PATHS = """
smua smub source measure nvbuffer1 nvbuffer2 readings n i v r iv levelv leveli limiti limitv
rangev rangei autorangev autorangei output func offmode compliance sense nplc count delay filter
type enable trigger initiate arm timer[1] blender[1] status measurement condition event
request_enable errorqueue next clear format data asciiprecision node[1] tsplink localnode model
serialno linefreq prompts digio readbit writebit writeport channel close open getclose getstate
exclusiveclose exclusiveslotclose connectrule setforbidden getdelay scan create execute slot[1]
idn cal display print reset delay x script user catalog eventlog beeper beep bit bitand os
tostring string rep table makebuffer math huge
"""
_REAL_PATHS = """
smua.source.levelv smua.source.leveli smua.source.limiti smua.source.limitv smua.source.rangev
smua.source.rangei smua.source.func smua.source.output smua.source.offmode smua.source.compliance
smua.source.autorangev smua.source.delay smua.source.settling smua.source.highc smua.measure.i
smua.measure.v smua.measure.r smua.measure.iv smua.measure.nplc smua.measure.count
smua.measure.rangei smua.measure.autorangei smua.measure.lowrangei smua.measure.overlappedi
smua.measure.interval smua.measure.filter.count smua.measure.filter.type
smua.measure.filter.enable smua.measureivandstep smua.nvbuffer1 smua.nvbuffer1.n
smua.nvbuffer1.readings smua.nvbuffer1.capacity smua.nvbuffer1.clear smua.nvbuffer1.appendmode
smua.nvbuffer1.timestamps smua.makebuffer smua.reset smua.abort smua.sense
smua.trigger.source.listv smua.trigger.source.linearv smua.trigger.source.action
smua.trigger.count smua.trigger.measure.i smua.trigger.measure.action smua.trigger.arm.count
smua.trigger.initiate smua.trigger.endpulse.action smua.trigger.endsweep.action smua.cal.date
smua.contact.check errorqueue.next errorqueue.count errorqueue.clear format.data
format.asciiprecision format.byteorder localnode.model localnode.serialno localnode.linefreq
localnode.prompts localnode.showerrors status.condition status.request_enable
status.measurement.condition status.operation.enable status.measurement.instrument.smua.condition
status.reset status.standard.event trigger.timer[1].delay trigger.timer[1].count
trigger.timer[1].reset trigger.blender[1].wait trigger.clear trigger.wait
trigger.generator[1].assert tsplink.reset tsplink.state tsplink.trigger[1].wait digio.readbit
digio.writebit digio.readport digio.trigger[1].assert node[1].smua.source.levelv channel.close
channel.open channel.getclose channel.getstate channel.exclusiveclose channel.reset
channel.exclusiveslotclose channel.connectrule channel.connectsequential channel.setforbidden
channel.getforbidden channel.clearforbidden channel.setdelay channel.getdelay channel.getcount
channel.pattern.setimage channel.pattern.getimage channel.pattern.catalog channel.getlabel
channel.setlabel scan.create scan.add scan.execute scan.background scan.state scan.scancount
scan.stepcount scan.list slot[1].idn slot[1].poles.one script.new script.user.catalog
script.delete timer.reset timer.measure.t beeper.beep bit.bitand bit.set os.time string.rep
table.insert math.huge display.settext display.clear display.screen display.getcursor delay reset
opc waitcomplete makegetter makesetter printbuffer printnumber print tostring tonumber pcall exit
eventlog.next
"""
_ODD = r"\n \r\n \0 \x1b \xff\xfe # #9 ' \" (@ ; :: *"

COMMON, VALUES, TSP = _COMMON.split(), _VALUES.split(), _TSP.split()
DEVICE_DEPENDENT, PATHS = _DEVICE_DEPENDENT.split(), _PATHS.split()
REAL_PATHS = _REAL_PATHS.split()
ODD = [item.encode().decode("unicode_escape").encode("latin-1") for item in _ODD.split()]
LOOPS = ["while true do end", "for k = 1, 1e9 do x = k end", "while true do delay(1) end"]
