// Package connect reaches the server.
package connect

import (
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// To connects in the clear, or over TLS if MILLSTREAM_CA names a file with the certificates to trust.
func To(address string) (*grpc.ClientConn, error) {
	trusted := os.Getenv("MILLSTREAM_CA")
	if trusted == "" {
		return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	tls, err := credentials.NewClientTLSFromFile(trusted, "")
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(address, grpc.WithTransportCredentials(tls))
}
