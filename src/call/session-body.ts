// written against src/sip/sdp
