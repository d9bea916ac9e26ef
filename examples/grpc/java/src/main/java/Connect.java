import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.File;
import java.io.IOException;

/** Reaches the server: in the clear, or over TLS if MILLSTREAM_CA names a file with the certificates to trust. */
final class Connect {
    static ManagedChannel to(String address) throws IOException {
        String trusted = System.getenv("MILLSTREAM_CA");
        var credentials = trusted == null
            ? InsecureChannelCredentials.create()
            : TlsChannelCredentials.newBuilder().trustManager(new File(trusted)).build();
        return Grpc.newChannelBuilder(address, credentials).build();
    }
}
