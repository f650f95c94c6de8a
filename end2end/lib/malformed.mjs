// Datagrams that are no SIP message, or a wrong one.

/** Pairs of a description and a datagram for `number`; each is sent by `peer`. */
export function malformedMessages(peer, number) {
  const call = () => peer.newCall(number);
  const offer = peer.offer(20_000);
  const invite = (options = {}) => peer.request(call(), 'INVITE', { body: offer, ...options });
  const withBody = (body) => invite({ body });
  const without = (header) => invite().replace(new RegExp(`^${header}:.*\r\n`, 'im'), '');
  const header = (name, value) => invite().replace(new RegExp(`^${name}:.*$`, 'im'), `${name}: ${value}`);
  const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  return [
    ['nothing', Buffer.alloc(0)],
    ['a keep-alive', '\r\n\r\n'],
    ['a NUL', '\0'],
    ['every byte once', binary],
    ['an RTP packet', Buffer.concat([Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4]), Buffer.alloc(160, 0xff)])],
    ['half a start line', 'INVITE sip:'],
    ['a start line alone', `INVITE sip:${number}@example.org SIP/2.0\r\n\r\n`],
    ['line ends without returns', invite().replaceAll('\r\n', '\n')],
    ['no empty line', peer.request(call(), 'OPTIONS').trimEnd()],
    ['another version', invite().replace(' SIP/2.0', ' SIP/7.0')],
    ['no version', invite().replace(' SIP/2.0', '')],
    ['two spaces in the start line', invite().replace('INVITE ', 'INVITE  ')],
    ['a web request', 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'],
    ...['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Contact', 'Max-Forwards', 'Content-Length', 'Content-Type'].map((name) => [
      `no ${name}`,
      without(name),
    ]),
    ...['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Contact'].map((name) => [`an empty ${name}`, header(name, '')]),
    ['a CSeq of another method', header('CSeq', '1 BYE')],
    ['a CSeq beyond 32 bits', header('CSeq', '99999999999999999999 INVITE')],
    ['a negative CSeq', header('CSeq', '-1 INVITE')],
    ['a Via of another protocol', header('Via', 'HTTP/1.1/PIGEON somewhere')],
    ['a Via with a port beyond 16 bits', header('Via', 'SIP/2.0/UDP 127.0.0.1:99999;branch=z9hG4bKx')],
    ['a From that never closes', header('From', '"never <sip:closed@example.org')],
    ['a To of brackets', header('To', '<'.repeat(3_000))],
    ['a user of escapes', invite().replace(`sip:${number}@`, 'sip:%00%ff%zz%@')],
    ['an address with two hosts', invite().replace(`sip:${number}@`, `sip:${number}@@`)],
    ['an IPv6 address that is none', invite().replace(`@${peer.host}`, '@[::1::2')],
    ['a tel: address', invite().replace(/^INVITE \S+/, 'INVITE tel:+33328003000;phone-context=')],
    ['no hops left', header('Max-Forwards', '0')],
    ['hops that are no number', header('Max-Forwards', 'many')],
    ['more Content-Length than content', header('Content-Length', '65000')],
    ['less Content-Length than content', header('Content-Length', '3')],
    ['a negative Content-Length', header('Content-Length', '-1')],
    ['a Content-Length that is no number', header('Content-Length', '0x10')],
    ['a thousand headers', invite({ extra: Array.from({ length: 1_000 }, (_, i) => `X-${i}: ${i}`) })],
    ['a hundred Vias', invite({ extra: Array.from({ length: 100 }, () => 'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKy') })],
    ['a header of 50,000 bytes', invite({ extra: [`Subject: ${'s'.repeat(50_000)}`] })],
    ['a folded header', invite({ extra: ['Subject: one', '\ttwo', ' three'] })],
    ['a header of bytes that are no UTF-8', Buffer.from(invite({ extra: ['Subject: \xff\xfe\xc3'] }), 'latin1')],
    ['an unknown required extension', invite({ extra: ['Require: telepathy'] })],
    ['a compressed body', invite({ extra: ['Content-Encoding: gzip'] })],
    ['no offer', invite({ body: '' })],
    ['an offer of noise', withBody('\x01\x02\x03\xff'.repeat(100))],
    ['an offer without media', withBody('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n')],
    ['media at port 0', withBody(offer.replace('m=audio 20000', 'm=audio 0'))],
    ['media beyond the ports', withBody(offer.replace('m=audio 20000', 'm=audio 99999'))],
    ['media at nowhere', withBody(offer.replace('IN IP4 127.0.0.1\r\nt=', 'IN IP4 999.0.0.1\r\nt='))],
    ['media at a name', withBody(offer.replace('IN IP4 127.0.0.1\r\nt=', 'IN IP4 nowhere.invalid\r\nt='))],
    ['payload types that are none', withBody(offer.replace('AVP 0 101', 'AVP 0 999 -1 x'))],
    ['a rate of 0', withBody(offer.replace('PCMU/8000', 'PCMU/0'))],
    ['a thousand lines of media', withBody(offer + 'm=audio 1 RTP/AVP 0\r\n'.repeat(1_000))],
    ['a response to nothing', 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKz\r\nCSeq: 1 INVITE\r\n\r\n'],
    ['a response of status 7', 'SIP/2.0 7 What\r\nCSeq: 1 INVITE\r\n\r\n'],
    ['an ACK for nothing', peer.request(call(), 'ACK', { toTag: 'none' })],
    ['a CANCEL for nothing', peer.request(call(), 'CANCEL')],
    ['a BYE for nothing', peer.request(call(), 'BYE', { toTag: 'none' })],
  ];
}
