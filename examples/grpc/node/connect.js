// How to reach the server: in the clear, or over TLS if MILLSTREAM_CA names a file with the certificates to trust.
'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const trusted = process.env.MILLSTREAM_CA;
exports.credentials = trusted
  ? grpc.credentials.createSsl(fs.readFileSync(trusted))
  : grpc.credentials.createInsecure();
