import { createAuditService, createChainService, type ReaderDeps } from './reader-service.ts'
import { createReviewService, type ReviewServiceDeps } from './review-service.ts'

/** What people and integrations read and answer over gRPC, by their own RBAC. */
export function createPeopleServices(deps: ReaderDeps & ReviewServiceDeps) {
  return {
    chain: createChainService(deps),
    audit: createAuditService(deps),
    review: createReviewService(deps),
  }
}
