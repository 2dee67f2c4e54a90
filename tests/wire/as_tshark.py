"""What netarium reads in application headers, under the names of tshark's fields."""

from __future__ import annotations

import subprocess
from collections import defaultdict

from netarium.wire.applications.dhcp import DHCP
from netarium.wire.applications.dns import DNS
from netarium.wire.applications.dns_edns import OPT
from netarium.wire.applications.dns_records import AAAA, CNAME, MX, NS, PTR, SOA, TXT, A
from netarium.wire.applications.dns_services import SRV
from netarium.wire.applications.ftp import FTP, FTPCommand
from netarium.wire.applications.http import HTTPRequest, HTTPResponse
from netarium.wire.applications.imap import IMAP, IMAPCommand, IMAPResponse
from netarium.wire.applications.pop3 import POP3, POP3Command, POP3Response
from netarium.wire.applications.smtp import SMTP, SMTPCommand
from netarium.wire.applications.ssh import SSH, KeyExchangeInit
from netarium.wire.applications.text_protocol import Reply
from netarium.wire.applications.tls import TLS, Alert
from netarium.wire.applications.tls_handshake import ClientHello, Handshake, ServerHello
from netarium.wire.parts import Unreadable

_NAMES = """
dns.id dns.flags.response dns.flags.opcode dns.flags.rcode dns.flags.recdesired
dns.count.queries dns.count.answers dns.count.auth_rr dns.count.add_rr dns.qry.name
dns.qry.type dns.resp.name dns.resp.type dns.resp.ttl dns.a dns.aaaa dns.cname dns.ns
dns.mx.mail_exchange dns.mx.preference dns.ptr.domain_name dns.soa.mname dns.soa.rname
dns.soa.serial_number dns.txt dns.srv.port dns.srv.target dns.rr.udp_payload_size dns.length
dhcp.type dhcp.id dhcp.secs dhcp.ip.client dhcp.ip.your dhcp.ip.server dhcp.ip.relay
dhcp.hw.mac_addr dhcp.option.type dhcp.option.dhcp dhcp.option.router
dhcp.option.domain_name_server dhcp.option.ip_address_lease_time dhcp.option.dhcp_server_id
dhcp.option.requested_ip_address dhcp.option.subnet_mask dhcp.option.domain_name
dhcp.option.hostname dhcp.option.request_list_item http.request.method http.request.uri
http.request.version http.response.code http.response.phrase http.response.version
http.request.line http.response.line http.host tls.record.length tls.handshake.type
tls.handshake.ciphersuite tls.handshake.extensions_server_name tls.handshake.extension.type
tls.handshake.random tls.handshake.extensions.supported_version
tls.handshake.extensions_alpn_str tls.handshake.extensions_supported_group
tls.handshake.sig_hash_alg tls.handshake.extensions_key_share_group tls.alert_message.level
tls.alert_message.desc smtp.req.command smtp.req.parameter smtp.response.code
smtp.rsp.parameter ftp.request.command ftp.request.arg ftp.response.code ftp.response.arg
pop.request.command pop.request.parameter pop.response.indicator pop.response.description
imap.request_tag imap.request.command imap.response_tag imap.response.status ssh.protocol
ssh.kex_algorithms ssh.server_host_key_algorithms ssh.encryption_algorithms_client_to_server
ssh.cookie
"""
FIELDS = _NAMES.split()


def tshark(path, *options):
    """By frame number, what tshark reads: lists of texts by field; empty ones left out."""
    columns = [word for field in FIELDS for word in ("-e", field)]
    # Segment by segment, as netarium reads packets.
    alone = ["desegment_tcp_streams", "check_checksum", "analyze_sequence_numbers"]
    command = ["tshark", "-n", "-r", str(path)]
    command += [word for each in alone for word in ("-o", f"tcp.{each}:FALSE")]
    command += [*options, "-T", "fields"]
    command += ["-e", "frame.number", *columns]
    command += ["-E", "separator=/t", "-E", "aggregator=\x1f", "-E", "occurrence=a"]
    done = subprocess.run(command, capture_output=True, check=True)
    found = {}
    for line in done.stdout.decode("utf-8", "backslashreplace").splitlines():
        number, *values = line.split("\t")
        named = zip(FIELDS, values, strict=True)
        found[int(number)] = {name: value.split("\x1f") for name, value in named if value}
        _leave_out(found[int(number)])
    return found


def _leave_out(read):
    """What tshark gives besides, or in a way of its own."""
    if "dhcp.option.type" in read:  # it takes the end for padding
        read["dhcp.option.type"] = [each for each in read["dhcp.option.type"] if each != "0"]
    if "dhcp.hw.mac_addr" in read:  # and those within options
        del read["dhcp.hw.mac_addr"][1:]
    if "12" in read.get("tls.handshake.type", ()):  # and those of a ServerKeyExchange
        read.pop("tls.handshake.sig_hash_alg", None)


def netarium(packet):
    """What netarium reads in a packet: lists of texts by field; empty ones left out."""
    found = defaultdict(list)
    for layer in packet.layers:
        if layer.quoted:
            break
        for kind, read in _READERS.items():
            if isinstance(layer, kind):
                read(layer, found)
    return {name: values for name, values in found.items() if any(values)}


def _add(found, prefix, header, **names):
    for tail, value in names.items():
        found[f"{prefix}.{tail.replace('__', '.')}"].append(str(value))


def _name(text):
    return "<Root>" if text == "." else text


def _dns(layer, found):
    _add(
        found,
        "dns",
        layer,
        id=f"0x{layer.id:04x}",
        flags__response=layer.response,
        flags__opcode=layer.opcode,
        flags__recdesired=layer.recursion_desired,
        count__queries=layer.question_count,
        count__answers=layer.answer_count,
        count__auth_rr=layer.authority_count,
        count__add_rr=layer.additional_count,
    )
    if layer.response:
        _add(found, "dns", layer, flags__rcode=layer.rcode)
    for question in layer.questions:
        _add(found, "dns.qry", question, name=_name(question.name), type=question.type)
    for record in (*layer.answers, *layer.authorities, *layer.additionals):
        if not isinstance(record, SRV):  # tshark cuts its name into service and protocol
            _add(found, "dns.resp", record, name=_name(record.name))
        _add(found, "dns.resp", record, type=record.type)
        if isinstance(record, OPT):
            found["dns.rr.udp_payload_size"].append(str(record.udp_size))
            continue
        found["dns.resp.ttl"].append(str(record.ttl))
        _record(record, found)


def _record(record, found):
    match record:
        case A():
            found["dns.a"].append(record.address)
        case AAAA():
            found["dns.aaaa"].append(record.address)
        case CNAME():
            found["dns.cname"].append(record.target)
        case NS():
            found["dns.ns"].append(record.target)
        case PTR():
            found["dns.ptr.domain_name"].append(record.target)
        case MX():
            _add(found, "dns.mx", record, mail_exchange=record.exchange)
            _add(found, "dns.mx", record, preference=record.preference)
        case SOA():
            _add(found, "dns.soa", record, mname=record.mname, rname=record.rname)
            _add(found, "dns.soa", record, serial_number=record.serial)
        case TXT():
            found["dns.txt"].extend(record.strings)
        case SRV():
            _add(found, "dns.srv", record, port=record.port, target=record.target)


def _dns_length(layer, found):
    found["dns.length"].append(str(layer.length))


def _dhcp(layer, found):
    _add(
        found,
        "dhcp",
        layer,
        type=layer.op,
        id=f"0x{layer.xid:08x}",
        secs=layer.secs,
        ip__client=layer.ciaddr,
        ip__your=layer.yiaddr,
        ip__server=layer.siaddr,
        ip__relay=layer.giaddr,
        hw__mac_addr=layer.chaddr,
    )
    kinds = {
        1: "subnet_mask",
        3: "router",
        6: "domain_name_server",
        12: "hostname",
        15: "domain_name",
        50: "requested_ip_address",
        51: "ip_address_lease_time",
        53: "dhcp",
        54: "dhcp_server_id",
        55: "request_list_item",
    }
    for option in layer.every_option():
        if option.code not in (0, 255):
            found["dhcp.option.type"].append(str(option.code))
        if option.code in kinds:
            value = option.value if isinstance(option.value, tuple) else (option.value,)
            found[f"dhcp.option.{kinds[option.code]}"].extend(map(str, value))


def _http(layer, found):
    if isinstance(layer, HTTPRequest):
        kind = "request"
        _add(found, "http.request", layer, method=layer.method, uri=layer.target)
        _add(found, "http.request", layer, version=layer.version)
        if layer.host:
            found["http.host"].append(layer.host)
    else:
        kind = "response"
        _add(found, "http.response", layer, code=layer.status, phrase=layer.reason)
        _add(found, "http.response", layer, version=layer.version)
    for field in layer.headers:
        found[f"http.{kind}.line"].append(f"{field.name}: {field.value}\\r\\n")


def _tls(layer, found):
    _add(found, "tls.record", layer, length=layer.length)
    for part in layer.body:
        if isinstance(part, Alert):
            _add(found, "tls.alert_message", part, level=part.level, desc=part.description)
        if isinstance(part, (ClientHello, ServerHello, Handshake)):
            found["tls.handshake.type"].append(str(part.type))
        if isinstance(part, (ClientHello, ServerHello)):
            found["tls.handshake.random"].append(part.random.hex())
            client = isinstance(part, ClientHello)
            suites = part.cipher_suites if client else (part.cipher_suite,)
            found["tls.handshake.ciphersuite"] += [f"0x{each:04x}" for each in suites]
            _extensions(part, client, found)


def _extensions(hello, client, found):
    for extension in hello.extensions:
        if isinstance(extension, Unreadable):
            break
        found["tls.handshake.extension.type"].append(str(extension.type))
        match extension.type:
            case 0 if client:
                found["tls.handshake.extensions_server_name"].append(extension.name)
            case 10:
                groups = [f"0x{each:04x}" for each in extension.groups]
                found["tls.handshake.extensions_supported_group"] += groups
            case 13:
                found["tls.handshake.sig_hash_alg"] += [
                    f"0x{each:04x}" for each in extension.algorithms
                ]
            case 16:
                names = [each.name for each in extension.protocols]
                found["tls.handshake.extensions_alpn_str"] += names
            case 43:
                versions = extension.versions if client else (extension.version,)
                found["tls.handshake.extensions.supported_version"] += [
                    f"0x{each:04x}" for each in versions
                ]
            case 51:
                groups = [str(each.group) for each in extension.shares]
                found["tls.handshake.extensions_key_share_group"] += groups


def _lines(prefix, command, reply):
    def read(layer, found):
        for line in layer.lines:
            if isinstance(line, command):
                _add(found, f"{prefix}.{reply[0]}", line, command=line.verb)
                if line.argument:
                    found[f"{prefix}.{reply[0]}.{reply[1]}"].append(line.argument)
            elif isinstance(line, Reply):
                if line.mark != "-":  # of several lines tshark counts one
                    found[f"{prefix}.response.code"].append(str(line.code))
                if line.text:
                    found[f"{prefix}.{reply[2]}"].append(line.text)

    return read


def _pop(layer, found):
    # tshark reads the first line of a segment alone.
    line = layer.lines[0]
    if isinstance(line, POP3Command):
        _add(found, "pop.request", line, command=line.verb)
        if line.argument:
            _add(found, "pop.request", line, parameter=line.argument)
    elif isinstance(line, POP3Response):
        _add(found, "pop.response", line, indicator=line.indicator)
        if line.text:
            _add(found, "pop.response", line, description=line.text)


def _imap(layer, found):
    for line in layer.lines:
        if isinstance(line, IMAPCommand):
            _add(found, "imap", line, request_tag=line.tag, request__command=line.verb)
        elif isinstance(line, IMAPResponse) and line.tag != "*":  # tshark gives tagged ones
            found["imap.response_tag"].append(line.tag)
            if line.status:
                found["imap.response.status"].append(line.status)


def _ssh(layer, found):
    found["ssh.protocol"].append(layer.raw.decode().rstrip("\r\n"))


def _kexinit(layer, found):
    found["ssh.cookie"].append(layer.cookie.hex())
    _add(found, "ssh", layer, kex_algorithms=",".join(layer.key_exchanges))
    _add(found, "ssh", layer, server_host_key_algorithms=",".join(layer.host_keys))
    ciphers = ",".join(layer.encryption_to_server)
    _add(found, "ssh", layer, encryption_algorithms_client_to_server=ciphers)


def _readers():
    from netarium.wire.applications.dns import DNSLength

    return {
        DNS: _dns,
        DNSLength: _dns_length,
        DHCP: _dhcp,
        HTTPRequest: _http,
        HTTPResponse: _http,
        TLS: _tls,
        SMTP: _lines("smtp", SMTPCommand, ("req", "parameter", "rsp.parameter")),
        FTP: _lines("ftp", FTPCommand, ("request", "arg", "response.arg")),
        POP3: _pop,
        IMAP: _imap,
        SSH: _ssh,
        KeyExchangeInit: _kexinit,
    }


_READERS = _readers()
