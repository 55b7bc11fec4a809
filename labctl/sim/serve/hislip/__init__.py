"""HiSLIP, the instrument protocol of the IVI Foundation over two TCP connections.

Source: IVI-6.1 *High-Speed LAN Instrument Protocol*, revisions 1.0 to 2.0, as described by public
clients and servers of it. What belongs to secure connections (revision 2.0) is refused as an
unrecognized message; revision 2.0 without them is served.
"""

from labctl.sim.serve.hislip.server import HislipServer

__all__ = ["HislipServer"]
