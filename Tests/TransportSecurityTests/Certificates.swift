import TransportSecurity

/// Certificates for a hundred years, made with openssl; keys of P-256.
enum Certificates {

  /// Signs all but `foreign`.
  static let authority = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBkDCCATWgAwIBAgIUE0lbryBVksl6PIubQnaG9DzP5rMwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDg0NVoYDzIxMjYxMTA1
      MjA0ODQ1WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
      PQMBBwNCAATPJdAMzp0tfk76OJ7YbOHIzXbwmLiXxXs90hIyU8i+piHIonMbwEZv
      dFvU2ZQaqPJHqysAYmzeZz+ZXLiZp4zyo2MwYTAdBgNVHQ4EFgQUGzkVIqTUiAMN
      vRyLl6xDkxQw7kUwHwYDVR0jBBgwFoAUGzkVIqTUiAMNvRyLl6xDkxQw7kUwDwYD
      VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwCgYIKoZIzj0EAwIDSQAwRgIh
      AI+7jqDiR4MZKNpuIyz0ceWG0Pa2CYFmq8d3OteJB+EtAiEA4Kwc+3bw8PXAulYP
      HB3edM/hsDbTHquraZqVnFN3kaU=
      -----END CERTIFICATE-----
      """.utf8), source: "authority.pem")

  /// Signs `foreign`.
  static let stranger = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBjDCCATOgAwIBAgIUHoeNhipf+9yIiL8gMq6t08YUgtwwCgYIKoZIzj0EAwIw
      EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTI5MjA0ODQ1WhgPMjEyNjExMDUy
      MDQ4NDVaMBMxETAPBgNVBAMMCHN0cmFuZ2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
      AQcDQgAEmsiZ5awbW/lTHa1BnLYAwtXUx7tLkhIgjmTDD8DbbY9FcvS7aqjvybV+
      PWxWCraGo9wUcsQQeXjmiaN8Vgqid6NjMGEwHQYDVR0OBBYEFNKYBxxHMMgymSb8
      IaYWY1GYxXawMB8GA1UdIwQYMBaAFNKYBxxHMMgymSb8IaYWY1GYxXawMA8GA1Ud
      EwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49BAMCA0cAMEQCICcp
      K/h5/VcTI1MxKA2zoKceoomb6J8wvKAwsPJiKsK7AiA/N+x87WDh8AppMqpKzhKA
      9cSoiBKFymj/9zFRLSMUrg==
      -----END CERTIFICATE-----
      """.utf8), source: "stranger.pem")

  /// DNS names `localhost` and `*.example.org`, address 127.0.0.1, common name `other`.
  static let server = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBoTCCAUagAwIBAgIUGeQnL32aXrnA6Kh3ut5Ugy2w/lswCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDg0NloYDzIxMjYxMTA1
      MjA0ODQ2WjAQMQ4wDAYDVQQDDAVvdGhlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
      A0IABLkNUE3hvNzXhk7ZZf7Bzg/Efm0bVsMJnht25e7yYzPBCHiEtDSh/Qr0Kom7
      gY0G6kb144c8p6AvaFcSv+z6v6yjeDB2MAkGA1UdEwQCMAAwKQYDVR0RBCIwIIIJ
      bG9jYWxob3N0gg0qLmV4YW1wbGUub3JnhwR/AAABMB0GA1UdDgQWBBTnMAsEUqof
      9erbYn/e5i49SEv5cTAfBgNVHSMEGDAWgBQbORUipNSIAw29HIuXrEOTFDDuRTAK
      BggqhkjOPQQDAgNJADBGAiEAgS88ViRBCnv3dVDES49rx/obrozTVRklkQkfl1si
      z+wCIQCmM494e5rNmqSRADzW7p2zjkNUuMZIQOM2pGFGnsQCAw==
      -----END CERTIFICATE-----
      """.utf8), source: "server.pem")
  static let serverKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgm91SLFhtf3qCCU3E
      aZlvpd9eF+JqTLKhF8SC3nK0rV+hRANCAAS5DVBN4bzc14ZO2WX+wc4PxH5tG1bD
      CZ4bduXu8mMzwQh4hLQ0of0K9CqJu4GNBupG9eOHPKegL2hXEr/s+r+s
      -----END PRIVATE KEY-----
      """.utf8), source: "server.key")

  /// Address 127.0.0.1, and the common name `localhost`.
  static let address = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBijCCATCgAwIBAgIUGeQnL32aXrnA6Kh3ut5Ugy2w/lwwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDg0NloYDzIxMjYxMTA1
      MjA0ODQ2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
      PQMBBwNCAARz35SjoEz/qeoBfOPTOt1SEa3/we6oWKZgZE/+X5FxhxjNhWZ0YivA
      7ItHBSQDEJrXsQoY73BbJCzksJ0sTFd5o14wXDAJBgNVHRMEAjAAMA8GA1UdEQQI
      MAaHBH8AAAEwHQYDVR0OBBYEFI/3CwL9KNkc3MzD3VwlOEcjyCy0MB8GA1UdIwQY
      MBaAFBs5FSKk1IgDDb0ci5esQ5MUMO5FMAoGCCqGSM49BAMCA0gAMEUCIQD/Lh+8
      URCCAxI4d7J0+4rZHU/mlkdunwMM+9MgIdv7+wIgB2QQb2X8Fx7JXtIfULr86Tnn
      lGwp9DVn9ISdnYLZOvU=
      -----END CERTIFICATE-----
      """.utf8), source: "address.pem")
  static let addressKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIQOLRMnBr1kJOgUS
      38NICtidHyIrZUec1c6VjqMOS5ShRANCAARz35SjoEz/qeoBfOPTOt1SEa3/we6o
      WKZgZE/+X5FxhxjNhWZ0YivA7ItHBSQDEJrXsQoY73BbJCzksJ0sTFd5
      -----END PRIVATE KEY-----
      """.utf8), source: "address.key")

  /// Two URIs, a DNS name and a common name.
  static let uri = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBtDCCAVugAwIBAgIUGeQnL32aXrnA6Kh3ut5Ugy2w/l0wCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDg0N1oYDzIxMjYxMTA1
      MjA0ODQ3WjARMQ8wDQYDVQQDDAZjb21tb24wWTATBgcqhkjOPQIBBggqhkjOPQMB
      BwNCAAT7AnWHnfDuaiSJNfT2c2M3qlUVq0lSz/4qtx+x1V6CbTpNLGFiovoXVO3g
      MY9/SQX5Dt4hEuIR0pvfTlb7vLDxo4GLMIGIMAkGA1UdEwQCMAAwOwYDVR0RBDQw
      MoILZG5zLmV4YW1wbGWGEHNwaWZmZTovL2EvZmlyc3SGEXNwaWZmZTovL2Evc2Vj
      b25kMB0GA1UdDgQWBBQhMNFPR9xME/SaL23fUGqqqmyNfTAfBgNVHSMEGDAWgBQb
      ORUipNSIAw29HIuXrEOTFDDuRTAKBggqhkjOPQQDAgNHADBEAiB5AxRT2eobEYVp
      wvkQJZ/XZDEUdRqhFT9q38y6Ssk4/wIgOoRrkdqJW7PhubenSv0RO1JlpkxRKrqk
      ci5s5ll3QDc=
      -----END CERTIFICATE-----
      """.utf8), source: "uri.pem")
  static let uriKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5XRO8zB48pWZocYp
      brOk7yg/rvP4dpsP7dBNEo6ddiOhRANCAAT7AnWHnfDuaiSJNfT2c2M3qlUVq0lS
      z/4qtx+x1V6CbTpNLGFiovoXVO3gMY9/SQX5Dt4hEuIR0pvfTlb7vLDx
      -----END PRIVATE KEY-----
      """.utf8), source: "uri.key")

  /// Two DNS names and a common name.
  static let dns = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBoDCCAUagAwIBAgIUGeQnL32aXrnA6Kh3ut5Ugy2w/l4wCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDg0N1oYDzIxMjYxMTA1
      MjA0ODQ3WjARMQ8wDQYDVQQDDAZjb21tb24wWTATBgcqhkjOPQIBBggqhkjOPQMB
      BwNCAATJS3Mo1tlLc5YCpXog/eMtaPK49jTPzMZZsZ1Cr/3pgoTjAbYh5DbkJHW2
      bMTBBZKYVoGqh2tl4Pn7Ql1Xj4sOo3cwdTAJBgNVHRMEAjAAMCgGA1UdEQQhMB+C
      DWZpcnN0LmV4YW1wbGWCDnNlY29uZC5leGFtcGxlMB0GA1UdDgQWBBRXeS+x+jwW
      H7DPINJVYmkmDJPHojAfBgNVHSMEGDAWgBQbORUipNSIAw29HIuXrEOTFDDuRTAK
      BggqhkjOPQQDAgNIADBFAiARN/e3w7ZPB/EYYTcJnOAvDRm0dunBaXdHOY48UGwu
      LQIhAJLK2In81tba4aOJBRN03nRBGhmrRjCKzOHjvWTOKAQs
      -----END CERTIFICATE-----
      """.utf8), source: "dns.pem")
  static let dnsKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg45FXtUtOPKfHTjSi
      3hLpruPgCYcHvNXmpcc/PhKzJDahRANCAATJS3Mo1tlLc5YCpXog/eMtaPK49jTP
      zMZZsZ1Cr/3pgoTjAbYh5DbkJHW2bMTBBZKYVoGqh2tl4Pn7Ql1Xj4sO
      -----END PRIVATE KEY-----
      """.utf8), source: "dns.key")

  /// A common name between others.
  static let common = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBkjCCATigAwIBAgIUGeQnL32aXrnA6Kh3ut5Ugy2w/mEwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDk0MVoYDzIxMjYxMTA1
      MjA0OTQxWjAtMQ0wCwYDVQQKDARTb21lMRAwDgYDVQQDDAdtw7xsbGVyMQowCAYD
      VQQLDAF4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjHgIwhl2U2Iyg3wXl8I9
      Vp1JkVFIr/w7BG52h8fnxIrvYmXozn6FnDU/2drUIUm/VPbbdlY0iqag7pN7htKd
      CqNNMEswCQYDVR0TBAIwADAdBgNVHQ4EFgQUHqksPFKjCxIlijHGP/lBNnqTxaQw
      HwYDVR0jBBgwFoAUGzkVIqTUiAMNvRyLl6xDkxQw7kUwCgYIKoZIzj0EAwIDSAAw
      RQIgWWxjjKOSOW/Yef0trNgc9RiRWXuvsufKSpIJNVLw/XACIQCPyFG1nIGATLt+
      /lD7J/mKmReQJWPj8V+yt9UxkBq7KQ==
      -----END CERTIFICATE-----
      """.utf8), source: "common.pem")
  static let commonKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1OLSEVVZ/EyAYrZ2
      ZyUML4QURWh2pTLXtGChGBjyPTKhRANCAASMeAjCGXZTYjKDfBeXwj1WnUmRUUiv
      /DsEbnaHx+fEiu9iZejOfoWcNT/Z2tQhSb9U9tt2VjSKpqDuk3uG0p0K
      -----END PRIVATE KEY-----
      """.utf8), source: "common.key")

  /// No name at all.
  static let none = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBdDCCARqgAwIBAgIUGeQnL32aXrnA6Kh3ut5Ugy2w/mAwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyOTIwNDg0OVoYDzIxMjYxMTA1
      MjA0ODQ5WjAPMQ0wCwYDVQQKDARTb21lMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
      QgAEoLsG95s0CutWTkzEst1xemqwCZCeAho7i9MjL2XfDAhR/diX9BVSbfbmbL1K
      PEIhFkMuSMbwiS0ho0LxIZJjU6NNMEswCQYDVR0TBAIwADAdBgNVHQ4EFgQUigMJ
      637OcGB9tLutFxJQMNrQc2swHwYDVR0jBBgwFoAUGzkVIqTUiAMNvRyLl6xDkxQw
      7kUwCgYIKoZIzj0EAwIDSAAwRQIhALvBhjxsWL3DDk+XlwKxRWoYst9lQVsfTLi2
      0SQ+ayqlAiADJfweWJrH1i6oZpTvzoO6T5LBnh7WAf8FUwX4Zn+nvQ==
      -----END CERTIFICATE-----
      """.utf8), source: "none.pem")
  static let noneKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgE3Ma4GBa6ewzqJX4
      iAC/csUL5VmJcZtUFG1LBif9dUmhRANCAASguwb3mzQK61ZOTMSy3XF6arAJkJ4C
      GjuL0yMvZd8MCFH92Jf0FVJt9uZsvUo8QiEWQy5IxvCJLSGjQvEhkmNT
      -----END PRIVATE KEY-----
      """.utf8), source: "none.key")

  /// Nobody knows who signed it.
  static let foreign = PEM(
    Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBdjCCARygAwIBAgIUSck9yMoXXppY9feBc8iYKj+jSdIwCgYIKoZIzj0EAwIw
      EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTI5MjA0ODUwWhgPMjEyNjExMDUy
      MDQ4NTBaMBIxEDAOBgNVBAMMB2ZvcmVpZ24wWTATBgcqhkjOPQIBBggqhkjOPQMB
      BwNCAAR4RUZV+m3Dh7iDtYaO5rPEMQ6oKjeOUdo7XmEhvWFfs2nNAAdgrz0Io17r
      kk0wRBakWXf/v/GO+tG4HgpChypMo00wSzAJBgNVHRMEAjAAMB0GA1UdDgQWBBQ5
      z+OI18gYBlROhJ8XLS81lQGc6jAfBgNVHSMEGDAWgBTSmAccRzDIMpkm/CGmFmNR
      mMV2sDAKBggqhkjOPQQDAgNIADBFAiAoS7BKefH1Mms0aNx3wTDFRN40VFJdXp1T
      IhyG1i9ukQIhAOJltRLpEA3JbCbI26ip31ixr4wq3Ak6b3eqGtBw8uVP
      -----END CERTIFICATE-----
      """.utf8), source: "foreign.pem")
  static let foreignKey = PEM(
    Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpAMhs53RX1/qSS8s
      ZbaL+jo28wU3f6NUTnl8sd1hs4ihRANCAAR4RUZV+m3Dh7iDtYaO5rPEMQ6oKjeO
      Udo7XmEhvWFfs2nNAAdgrz0Io17rkk0wRBakWXf/v/GO+tG4HgpChypM
      -----END PRIVATE KEY-----
      """.utf8), source: "foreign.key")
}
