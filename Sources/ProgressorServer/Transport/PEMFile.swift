import TransportSecurity

/// A file in PEM, with the mark of what was read.
struct PEMFile {
  /// A chain, or a bundle of certificates to trust; those of a system have 250 KB.
  private static let maximumBytes = 4 << 20

  let pem: PEM
  let mark: AccessFile.Mark

  /// Certificates.
  static func certificates(_ path: String) throws(ConfigurationError) -> PEMFile {
    let (bytes, mark) = try AccessFile(path: path).read(maximumBytes: maximumBytes)
    return PEMFile(pem: PEM(bytes, source: path), mark: mark)
  }

  /// A private key, which nobody else may read.
  static func key(_ path: String) throws(ConfigurationError) -> PEMFile {
    let (bytes, mark) = try AccessFile(path: path).read(maximumBytes: maximumBytes, isSecret: true)
    return PEMFile(pem: PEM(bytes, source: path), mark: mark)
  }
}

extension ConfigurationError {
  init(_ error: CredentialsError) { self.init(place: error.source, problem: error.problem) }
}
