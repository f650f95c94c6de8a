"""A telephone by pjsua2: calls, says a WAV file and records what it hears, until it is ended or hung up on.

python3 pjsua.py URI CODEC SRTP SAY.wav RECORD.wav    (SRTP: plain, optional, mandatory)
It prints "confirmed" when the call is up, and "encrypted SUITE" for each encrypted stream.
"""

import signal
import sys
import time

import pjsua2 as pj

SRTP = {"plain": pj.PJMEDIA_SRTP_DISABLED, "optional": pj.PJMEDIA_SRTP_OPTIONAL, "mandatory": pj.PJMEDIA_SRTP_MANDATORY}


class Call(pj.Call):
    over = False

    def __init__(self, account, say, record):
        super().__init__(account)
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(say)
        self.recorder = pj.AudioMediaRecorder()
        self.recorder.createRecorder(record)

    def onCallState(self, prm):
        info = self.getInfo()
        print(info.stateText.lower(), info.lastStatusCode, flush=True)
        self.over = info.state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm):
        media = self.getAudioMedia(-1)
        self.player.startTransmit(media)
        media.startTransmit(self.recorder)
        dump = self.dump(True, "")
        for line in dump.splitlines():
            if "SRTP status: Active" in line:
                print("encrypted", line.split("Crypto-suite:")[-1].strip(), flush=True)


def main(uri, codec, srtp, say, record):
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.maxCalls = 1
    config.logConfig.level = config.logConfig.consoleLevel = 1
    config.medConfig.noVad = True
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    for kind in (pj.PJSIP_TRANSPORT_UDP, pj.PJSIP_TRANSPORT_TCP, pj.PJSIP_TRANSPORT_TLS):
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        endpoint.transportCreate(kind, transport)
    endpoint.libStart()
    for known in endpoint.codecEnum2():
        endpoint.codecSetPriority(known.codecId, 255 if known.codecId.startswith(codec) else 0)
    account_config = pj.AccountConfig()
    account_config.idUri = "sip:pjsua@127.0.0.1"
    account_config.mediaConfig.srtpUse = SRTP[srtp]
    account_config.mediaConfig.srtpSecureSignaling = 0
    account_config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account = pj.Account()
    account.create(account_config)
    call = Call(account, say, record)
    call.makeCall(uri, pj.CallOpParam(True))
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not call.over and not ended:
        endpoint.libHandleEvents(20)
        time.sleep(0.001)
    if not call.over:
        call.hangup(pj.CallOpParam(True))
        until = time.monotonic() + 2
        while not call.over and time.monotonic() < until:
            endpoint.libHandleEvents(20)
    del call.player, call.recorder
    del call
    endpoint.libDestroy()


main(*sys.argv[1:])
