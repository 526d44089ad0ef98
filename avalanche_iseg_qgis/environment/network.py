"""QGIS's network settings, handed to pip: proxy and trusted certificates."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from qgis.core import QgsApplication, QgsNetworkAccessManager
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkProxyQuery

from ..core.files import write_bytes
from ..i18n import tr

_SERVER = "https://pypi.org/simple/"


def proxy_variables() -> dict[str, str]:
    """Return the variables by which pip finds QGIS's proxy; in none of them is a line of a log."""
    proxy = _proxy()
    if proxy is None:
        return {}
    kind = "socks5h" if proxy.type() == QNetworkProxy.ProxyType.Socks5Proxy else "http"
    name, word = quote(proxy.user(), safe=""), quote(proxy.password(), safe="")
    user = f"{name}:{word}@" if word else f"{name}@" if name else ""
    address = f"{kind}://{user}{proxy.hostName()}:{proxy.port()}"
    # Unix knows them in both cases, and programs disagree on which one counts.
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return {**dict.fromkeys(names, address), "NO_PROXY": "", "no_proxy": ""}


def proxy_text() -> str:
    """Return which proxy is used, without its password."""
    proxy = _proxy()
    if proxy is None:
        return tr("no proxy in QGIS's network settings")
    place = f"{proxy.hostName()}:{proxy.port()}"
    if proxy.user():
        return tr("proxy {} as {}, of QGIS's network settings").format(place, proxy.user())
    return tr("proxy {}, of QGIS's network settings").format(place)


def _proxy() -> QNetworkProxy | None:
    """Return the proxy that QGIS takes to the packages, None if it takes none."""
    factory = QgsNetworkAccessManager.instance().proxyFactory()
    if factory is None:
        return None
    for proxy in factory.queryProxy(QNetworkProxyQuery(QUrl(_SERVER))):
        if proxy.type() in (QNetworkProxy.ProxyType.HttpProxy, QNetworkProxy.ProxyType.Socks5Proxy):
            return proxy if proxy.hostName() else None
    return None


def certificate_variables(environment: Path) -> dict[str, str]:
    """Return the variables by which pip trusts what QGIS, the system and pip itself trust.

    Writes the certificates into the environment; raises `OSError` if that fails.
    """
    if os.environ.get("PIP_CERT"):
        return {}
    trusted = bytes(QgsApplication.authManager().trustedCaCertsPemText())
    if not trusted.strip():
        return {}
    for folder in (environment / "Lib", *environment.glob("lib/python3*")):
        path = folder / "site-packages" / "pip" / "_vendor" / "certifi" / "cacert.pem"
        if path.is_file():
            trusted += b"\n" + path.read_bytes()
    file = environment / "certificates.pem"
    write_bytes(file, trusted)
    return {"PIP_CERT": str(file)}
