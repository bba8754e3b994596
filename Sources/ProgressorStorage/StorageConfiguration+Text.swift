import PostgreSQL

extension StorageConfiguration {
  /// The defaults for a database that is named by a URL or by `keyword=value` pairs, as libpq takes
  /// them. Throws `unfit` with what is wrong with the text, without its secrets.
  public init(connectionString text: String) throws(StorageError) {
    do {
      self.init(database: try ConnectionString(text))
    } catch {
      throw StorageError(.unfit, error.description)
    }
  }
}
