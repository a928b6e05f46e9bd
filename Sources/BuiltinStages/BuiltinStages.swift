import AdaptedTransferStage
import BnnCompareStage
import BnnEvaluateStage
import BnnFitStage
import BnnPredictStage
import BnnSplitsStage
import BranchingImportStage
import BranchingTablesStage
import EdgeImportStage
import FetchStage
import LearnedOptimizerStage
import PredictorStage
import ProxyTransferStage
import RegressionSplitStage
import SmartDealDecomposeStage
import SmartDealEnergyStage
import SmartDealEvaluateStage
import SmartDealReportStage
import SmartDealSimulateStage
import SrccMatrixStage
import VerifyStage
public import StageKit

/// The stages that are linked into the program, one entry each.
public enum BuiltinStages {
  public static var all: [any Stage.Type] {
    [
      AdaptToTarget.self, BayesianComparison.self, BayesianEvaluation.self, BayesianFit.self,
      BayesianPrediction.self, BayesianSplits.self, BranchingImport.self, BranchingTables.self,
      EdgeImport.self, Fetch.self, LearnOptimizer.self, Predictor.self, RegressionSplit.self,
      SmartDealDecompose.self, SmartDealEnergy.self, SmartDealEvaluate.self, SmartDealReport.self,
      SmartDealSimulate.self, SrccMatrix.self, TransferFromProxy.self,
      Verify.self,
    ]
  }
}
