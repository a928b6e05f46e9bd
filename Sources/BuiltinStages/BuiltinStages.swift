import AdaptedTransferStage
import EdgeImportStage
import FetchStage
import LearnedOptimizerStage
import PredictorStage
import ProxyTransferStage
import SrccMatrixStage
public import StageKit

/// The stages that are linked into the program, one entry each.
public enum BuiltinStages {
  public static var all: [any Stage.Type] {
    [
      AdaptToTarget.self, EdgeImport.self, Fetch.self, LearnOptimizer.self, Predictor.self,
      SrccMatrix.self, TransferFromProxy.self,
    ]
  }
}
