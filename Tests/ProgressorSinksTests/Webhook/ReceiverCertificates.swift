import NIOSSL

/// Certificates for a hundred years, made with openssl; keys of P-256.
enum ReceiverCertificates {
  /// Signs the others.
  static let authority = """
    -----BEGIN CERTIFICATE-----
    MIIBjDCCATKgAwIBAgIUUgU2ee21yQcd5QS5Cji/23abiWIwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTIwMTEyMzE0MVoYDzIxMjYxMTA3
    MTIzMTQxWjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
    PQMBBwNCAATRt0rH//NfBGH/twhHGJfgbBx7b35r8iXT1uEUHVZB/p0q6FGouz7e
    CwFK/0dfl8k03I4gCntWDB2TPCpb0LSfo2AwXjAdBgNVHQ4EFgQUcDcYBBheJ6ay
    scSr/U8HBKxa2SEwHwYDVR0jBBgwFoAUcDcYBBheJ6ayscSr/U8HBKxa2SEwDwYD
    VR0TAQH/BAUwAwEB/zALBgNVHQ8EBAMCAQYwCgYIKoZIzj0EAwIDSAAwRQIhAO2a
    1+myjVKNXl3peYZOt07344Cnu/A4YA4cE5teZuV1AiB9J4YT9FFh18OMlqbNwJR2
    W/ffPxRWtlLctSA2T2MD7A==
    -----END CERTIFICATE-----
    """

  /// Address 127.0.0.1.
  static let address = (
    certificate: """
    -----BEGIN CERTIFICATE-----
    MIIBiDCCAS+gAwIBAgIUR8ToAne7oBpg5bSFZ1O/ESfQlXgwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTIwMTEyMzE0MVoYDzIxMjYxMTA3
    MTIzMTQxWjATMREwDwYDVQQDDAhyZWNlaXZlcjBZMBMGByqGSM49AgEGCCqGSM49
    AwEHA0IABLahry6o5tBm4F/lt/WqCF5wgwWpmVNxmCrkiTg6exJB0af30uZvXxGg
    YuT3kPXL8PDW15iwsVhbaH99x2Hm61CjXjBcMAkGA1UdEwQCMAAwDwYDVR0RBAgw
    BocEfwAAATAdBgNVHQ4EFgQUbzr75Key7efn229AnS91yYGpVAIwHwYDVR0jBBgw
    FoAUcDcYBBheJ6ayscSr/U8HBKxa2SEwCgYIKoZIzj0EAwIDRwAwRAIgFHAQGQze
    /JCus7a2J1inQ2R0c16MoA7IfyonC0JeGfsCICVRoPa9oOTg/+53880oHCJXaNUl
    AH89RfYKOSLv9zn7
    -----END CERTIFICATE-----
    """,
    key: """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglCAvMWXeSbpov0f+
    14jfACHy+D302oA+6nHJGpSJQpKhRANCAAS2oa8uqObQZuBf5bf1qghecIMFqZlT
    cZgq5Ik4OnsSQdGn99Lmb18RoGLk95D1y/Dw1teYsLFYW2h/fcdh5utQ
    -----END PRIVATE KEY-----
    """
  )

  /// DNS name `hooks.example.org`.
  static let name = (
    certificate: """
    -----BEGIN CERTIFICATE-----
    MIIBlzCCATygAwIBAgIUR8ToAne7oBpg5bSFZ1O/ESfQlXkwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTIwMTEyMzE0MVoYDzIxMjYxMTA3
    MTIzMTQxWjATMREwDwYDVQQDDAhyZWNlaXZlcjBZMBMGByqGSM49AgEGCCqGSM49
    AwEHA0IABDKemhSTzW00wuB0N/ffN8ZAP6D6wx5UH+2sgzXr3XtB8DuHt1Jo99wt
    wGat5+A7LxI+IHxexoKAG25QoJHeF0OjazBpMAkGA1UdEwQCMAAwHAYDVR0RBBUw
    E4IRaG9va3MuZXhhbXBsZS5vcmcwHQYDVR0OBBYEFLfGUHNd43auRrYrsHB6Op33
    xNyeMB8GA1UdIwQYMBaAFHA3GAQYXiemsrHEq/1PBwSsWtkhMAoGCCqGSM49BAMC
    A0kAMEYCIQCaonxitB+tGmpJCvvZ35wbH+WOkYC4olcNoQwY3X9kAgIhAPwYNvvM
    SiSk5zMh77+9MyD9oPdeyLVolminfdwLMfWR
    -----END CERTIFICATE-----
    """,
    key: """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAoji7WlQ7v/DcHt2
    sebOUUfBbIpconUDG6nECFwAh0ShRANCAAQynpoUk81tNMLgdDf33zfGQD+g+sMe
    VB/trIM16917QfA7h7dSaPfcLcBmrefgOy8SPiB8XsaCgBtuUKCR3hdD
    -----END PRIVATE KEY-----
    """
  )

  /// How a server with a certificate speaks TLS.
  static func server(_ pair: (certificate: String, key: String)) throws -> NIOSSLContext {
    let certificate = try NIOSSLCertificate(bytes: Array(pair.certificate.utf8), format: .pem)
    let key = try NIOSSLPrivateKey(bytes: Array(pair.key.utf8), format: .pem)
    return try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
  }

  /// The authority, as one that is trusted.
  static func roots() throws -> NIOSSLTrustRoots {
    .certificates([try NIOSSLCertificate(bytes: Array(authority.utf8), format: .pem)])
  }
}
