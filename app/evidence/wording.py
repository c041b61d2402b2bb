"""The words of a bundle, in both languages: whoever opens it has no platform to choose a language with."""

from __future__ import annotations

from typing import Final

README: Final = """\
证据包 / EVIDENCE BUNDLE

打开 index.html 查看内容，无需网络。核验：安装 Python 3.8 或以上版本后运行

    python verify.py

它逐一核对文件、每条采样的封存摘要、封存链以及审计日志中的锚定记录，并指出被改动之处。
仅核对文件： sha256sum -c SHA256SUMS

Open index.html to read it; no network is needed. To check it, with Python 3.8 or later:

    python verify.py

This checks every file, every sample against its seal, the chains of seals, and the entries of the
audit log that anchor them, and names whatever was altered. Files alone: sha256sum -c SHA256SUMS

    manifest.json          目录与每个文件的 SHA-256 / what is in here, with the SHA-256 of each file
    data/samples.json      采样（封存的原值） / samples, the very values that were sealed
    data/samples.csv       同上，便于电子表格查看 / the same in words, for spreadsheets
    data/permits.json      当时有效的许可版本 / permit revisions in force
    data/zones.geojson     当时有效的区域版本 / zone revisions in force
    data/findings.json     判定结果 / findings
    data/alerts.json       告警 / alerts
    data/directives.json   指令与应答 / directives and answers
    data/incidents.json    事件 / incidents
    data/rejects.json      未采信的报文 / messages that were not believed
    data/audit.json        审计记录（仅限监管部门） / entries of the audit log (the city's bundles only)
    data/neighbours.json   附近车辆，不含身份（仅限运营单位） / others nearby, unnamed (operators' bundles only)
    seals/                 封存块与锚定 / blocks of seals, and their anchors

时间为毫秒（UTC），坐标为 WGS-84。 / Times are milliseconds UTC, positions WGS-84.
"""
