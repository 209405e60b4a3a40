"""Settings of listeners and of trunks outward: what they mean, and what is wrong with them by its name."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from ivr.config import ConfigError, Settings, load
from ivr.sip.listener import Listener
from ivr.sip.locating import Place
from tests.ivr.test_config import BASE, write

CLOUD = """
[sip]
host = "10.0.0.5"
advertised_host = "198.51.100.5"
local_networks = ["10.0.0.0/8"]
[media]
host = "10.0.0.5"
[[listeners]]
name = "ims"
host = "172.16.0.5"
port = 5060
media_host = "172.16.0.6"
[[listeners]]
name = "secure"
transport = "tls"
host = "0.0.0.0"
port = 5061
advertised_host = "198.51.100.5"
certificate = "c.pem"
private_key = "k.pem"
"""


def read(tmp_path: Path, text: str) -> Settings:
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).touch()
    return load(write(tmp_path, text), {})


def test_one_listener_is_what_sip_says(tmp_path: Path) -> None:
    settings = load(write(tmp_path, BASE), {"HOTLINE_SIP_PORT": "5070", "HOTLINE_SIP_HOST": "127.0.0.9"})
    assert settings.all_listeners == (Listener("127.0.0.9", 5070, media_bind="127.0.0.1"),)
    assert (settings.sip.dscp, settings.media.dscp) == (24, 46)


def test_listeners_of_a_house_behind_nat(tmp_path: Path) -> None:
    main, ims, secure = read(tmp_path, CLOUD + BASE).all_listeners
    assert (main.name, main.signalling_host("203.0.113.9"), main.media_host("203.0.113.9")) == (
        "", "198.51.100.5", "198.51.100.5",
    )  # fmt: skip
    assert main.local_networks == (ip_network("10.0.0.0/8"),)
    assert (ims.name, ims.media_bind, ims.media_host("172.16.0.1"), ims.srtp) == ("ims", "172.16.0.6", "172.16.0.6", "off")
    assert (secure.transport, secure.media_bind, secure.media_host("8.8.8.8")) == ("tls", "10.0.0.5", "198.51.100.5")
    assert secure.srtp == "required"
    settings = read(tmp_path, CLOUD + BASE)
    assert settings.listeners[1].certificate == tmp_path / "c.pem", "beside hotline.toml"


OUT = """
[[trunks]]
name = "out"
numbers = {}
"""


@pytest.mark.parametrize(
    ("keys", "first", "registrar", "domain"),
    [
        ('proxy = "10.1.0.1:5070"', Place("10.1.0.1", 5070), Place("10.1.0.1", 5070), "10.1.0.1"),
        ('registrar = "ims.cn"', Place("ims.cn"), Place("ims.cn"), "ims.cn"),
        ('registrar = "ims.cn"\nproxy = "p.cn"', Place("p.cn"), Place("ims.cn"), "ims.cn"),
        ('registrar = "ims.cn"\noutbound_proxy = "10.1.0.2"\ndomain = "d.cn"', Place("10.1.0.2"), Place("10.1.0.2"), "d.cn"),
        ('registrar = "[2001:db8::1]:5070"', Place("2001:db8::1", 5070), Place("2001:db8::1", 5070), "[2001:db8::1]"),
    ],
)
def test_where_a_trunk_leads(tmp_path: Path, keys: str, first: Place, registrar: Place, domain: str) -> None:
    trunk = read(tmp_path, BASE + OUT + keys).trunks[1]
    assert (trunk.first_hop, trunk.registrar_hop, trunk.own_domain) == (first, registrar, domain)


def test_several_accounts_may_share_an_operators_addresses(tmp_path: Path) -> None:
    account = OUT + 'networks = ["10.9.0.0/24"]\nregistrar = "ims.cn"\nregister = true\nusername = "1"\n'
    both = account + account.replace('"out"', '"other"').replace('"1"', '"2"')
    assert [trunk.registers for trunk in read(tmp_path, BASE + both).trunks] == [False, True, True]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[sip]\nhost = "localhost"\n' + BASE, "sip.host"),
        ('[sip]\nhost = "0.0.0.0"\n' + BASE, "sip.advertised_host: 0.0.0.0 is no address"),
        (
            '[sip]\nhost = "0.0.0.0"\nadvertised_host = "10.0.0.1"\nlocal_networks = ["10.0.0.0/8"]\n' + BASE,
            "sip.advertised_host",
        ),
        ('[media]\nhost = "0.0.0.0"\n' + BASE, "sip.media_advertised_host"),
        (CLOUD.replace('"secure"', '"ims"') + BASE, "listeners: 'ims' stands there twice"),
        (CLOUD.replace('"secure"', '"main"') + BASE, "listeners: 'main' stands there twice"),
        (CLOUD.replace("172.16.0.5", "10.0.0.5") + BASE, "listeners.ims.port: 10.0.0.5:5060 is taken by sip"),
        (CLOUD.replace('certificate = "c.pem"', "") + BASE, "listeners.secure.certificate: needed for tls"),
        (CLOUD.replace("k.pem", "none.pem") + BASE, "listeners.secure.private_key: there is no file"),
        (CLOUD.replace('"tls"', '"sctp"') + BASE, "listeners.1.transport"),
        (BASE.replace("networks =", 'listener = "ims"\nnetworks ='), "trunks.t.listener: there is no listener 'ims'"),
        (BASE + OUT, "trunks.out.networks: needed where neither proxy nor registrar is named"),
        (BASE + OUT + 'networks = ["10.9.0.0/24"]\nregister = true', "trunks.out.registrar: needed for register"),
        (BASE + OUT + 'networks = ["10.9.0.0/24"]\noutbound_proxy = "10.9.0.1"', "registrar: needed for outbound_proxy"),
        (BASE + OUT + 'registrar = "ims.cn"\nregister = true', "trunks.out.username: needed for register"),
        (BASE + OUT + 'registrar = "sip:ims.cn"', "trunks.1.registrar"),
        (BASE + OUT + 'registrar = "ims.cn"\nexpires_s = 5', "trunks.1.expires_s"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert named in str(caught.value)


def test_passwords_of_trunks_never_reach_a_log(tmp_path: Path) -> None:
    assert "geheim" not in repr(read(tmp_path, BASE + OUT + 'registrar = "ims.cn"\npassword = "geheim"'))
