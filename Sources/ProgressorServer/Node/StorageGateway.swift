import ProgressorEngine
import ProgressorStorage

extension Storage: StoragePort {
  func perform(_ effects: [Effect]) {
    for effect in effects { perform(effect) }
  }
}
