"""Registers an account with sippy, by whatever digest algorithm the registrar prefers, and says how that went.

python sippy_register.py SERVER_PORT USER PASSWORD SIP_PORT
"""

from __future__ import annotations

import sys
from typing import Any

from sippy.Core.EventDispatcher import ED2
from sippy.SipConf import SipConf
from sippy.SipLogger import SipLogger
from sippy.SipRegistrationAgent import SipRegistrationAgent
from sippy.SipTransactionManager import SipTransactionManager
from sippy.SipURL import SipURL


def main(server_port: int, user: str, password: str, sip_port: int) -> None:
    def refuse(request: Any, transaction: Any) -> Any:
        return request.genResponse(501, "Not Implemented"), None, None

    def accepted(_until: float, contact: Any, _: Any) -> None:
        print("registered:", contact, flush=True)  # noqa: T201 - the test reads it
        ED2.breakLoop()

    def refused(status: str, _: Any) -> None:
        print("refused:", status, flush=True)  # noqa: T201
        ED2.breakLoop()

    SipConf.my_address, SipConf.my_port = "127.0.0.1", sip_port
    config: dict[str, Any] = {"_sip_address": "127.0.0.1", "_sip_port": sip_port, "_sip_logger": SipLogger("register")}
    config["_sip_tm"] = SipTransactionManager(config, refuse)
    agent = SipRegistrationAgent(
        config,
        SipURL(username=user, host="127.0.0.1", port=server_port),
        SipURL(username=user, host="127.0.0.1", port=sip_port),
        user,
        password,
        rok_cb=accepted,
        rfail_cb=refused,
        target=(("127.0.0.1", server_port), "udp"),
    )
    agent.doregister()
    ED2.loop()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
