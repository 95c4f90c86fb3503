/** Generated from the JSON Schemas beside it by `npm run types`. Do not edit. */
import cmRelease from './location/cm-release.json' with { type: 'json' }
import cmServiceRequest from './location/cm-service-request.json' with { type: 'json' }
import lcsAudit from './location/lcs-audit.json' with { type: 'json' }
import lcsAudited from './location/lcs-audited.json' with { type: 'json' }
import lcsCancel from './location/lcs-cancel.json' with { type: 'json' }
import lcsCancelled from './location/lcs-cancelled.json' with { type: 'json' }
import lcsEnd from './location/lcs-end.json' with { type: 'json' }
import lcsReport from './location/lcs-report.json' with { type: 'json' }
import lcsRequest from './location/lcs-request.json' with { type: 'json' }
import locationCause from './location/location-cause.json' with { type: 'json' }
import locationInformationAck from './location/location-information-ack.json' with { type: 'json' }
import locationInformation from './location/location-information.json' with { type: 'json' }
import locationLog from './location/location-log.json' with { type: 'json' }
import locationQuality from './location/location-quality.json' with { type: 'json' }
import locationRequest from './location/location-request.json' with { type: 'json' }
import locationResult from './location/location-result.json' with { type: 'json' }
import moLrPosition from './location/mo-lr-position.json' with { type: 'json' }
import moLrResult from './location/mo-lr-result.json' with { type: 'json' }
import moLr from './location/mo-lr.json' with { type: 'json' }
import place from './location/place.json' with { type: 'json' }
import privacyAnswer from './location/privacy-answer.json' with { type: 'json' }
import privacyAsk from './location/privacy-ask.json' with { type: 'json' }
import privacyNotice from './location/privacy-notice.json' with { type: 'json' }
import privacyProfile from './location/privacy-profile.json' with { type: 'json' }
import privacyProfiles from './location/privacy-profiles.json' with { type: 'json' }
import ranLocationReport from './location/ran-location-report.json' with { type: 'json' }
import ranLocationRequest from './location/ran-location-request.json' with { type: 'json' }
import subscriberLocationReportAck from './location/subscriber-location-report-ack.json' with { type: 'json' }
import subscriberLocationReport from './location/subscriber-location-report.json' with { type: 'json' }
import attachRequest from './proximity/attach-request.json' with { type: 'json' }
import attachState from './proximity/attach-state.json' with { type: 'json' }
import mmeContextRequest from './proximity/mme-context-request.json' with { type: 'json' }
import mmeContext from './proximity/mme-context.json' with { type: 'json' }
import proseMatch from './proximity/prose-match.json' with { type: 'json' }
import proseMonitor from './proximity/prose-monitor.json' with { type: 'json' }
import proseRequest from './proximity/prose-request.json' with { type: 'json' }
import proseState from './proximity/prose-state.json' with { type: 'json' }
import proximateUsers from './proximity/proximate-users.json' with { type: 'json' }
import proximate from './proximity/proximate.json' with { type: 'json' }
import proximityDiff from './proximity/proximity-diff.json' with { type: 'json' }
import proximityList from './proximity/proximity-list.json' with { type: 'json' }
import proximityPair from './proximity/proximity-pair.json' with { type: 'json' }
import proximityQuery from './proximity/proximity-query.json' with { type: 'json' }
import pushAllocationRequest from './push/push-allocation-request.json' with { type: 'json' }
import pushAllocation from './push/push-allocation.json' with { type: 'json' }
import pushApplication from './push/push-application.json' with { type: 'json' }
import pushApplications from './push/push-applications.json' with { type: 'json' }
import pushDirectory from './push/push-directory.json' with { type: 'json' }
import pushIdentifierRequest from './push/push-identifier-request.json' with { type: 'json' }
import pushIdentifier from './push/push-identifier.json' with { type: 'json' }
import pushQuery from './push/push-query.json' with { type: 'json' }
import pushRoutes from './push/push-routes.json' with { type: 'json' }
import pushWake from './push/push-wake.json' with { type: 'json' }
import aluidUpdateResult from './registration/aluid-update-result.json' with { type: 'json' }
import aluidUpdate from './registration/aluid-update.json' with { type: 'json' }
import epuidBindingResult from './registration/epuid-binding-result.json' with { type: 'json' }
import epuidBinding from './registration/epuid-binding.json' with { type: 'json' }
import proseContextRequest from './registration/prose-context-request.json' with { type: 'json' }
import proseContext from './registration/prose-context.json' with { type: 'json' }
import proseDeviceQuery from './registration/prose-device-query.json' with { type: 'json' }
import proseDevice from './registration/prose-device.json' with { type: 'json' }
import proseRegistrationResult from './registration/prose-registration-result.json' with { type: 'json' }
import proseRegistration from './registration/prose-registration.json' with { type: 'json' }
import registrationCodeRequest from './registration/registration-code-request.json' with { type: 'json' }
import registrationCode from './registration/registration-code.json' with { type: 'json' }
import userRegistration from './registration/user-registration.json' with { type: 'json' }
import chargingEvent from './subscribers/charging-event.json' with { type: 'json' }
import policyQuery from './subscribers/policy-query.json' with { type: 'json' }
import servicePolicy from './subscribers/service-policy.json' with { type: 'json' }
import subscriberSettings from './subscribers/subscriber-settings.json' with { type: 'json' }
import subscriber from './subscribers/subscriber.json' with { type: 'json' }
import subscriptionData from './subscribers/subscription-data.json' with { type: 'json' }
import subscriptionQuery from './subscribers/subscription-query.json' with { type: 'json' }
import type { Bodies } from './types.ts'

export const schemas: { readonly [name in keyof Bodies]: object } = {
  'aluid-update': aluidUpdate,
  'aluid-update-result': aluidUpdateResult,
  'attach-request': attachRequest,
  'attach-state': attachState,
  'charging-event': chargingEvent,
  'cm-release': cmRelease,
  'cm-service-request': cmServiceRequest,
  'epuid-binding': epuidBinding,
  'epuid-binding-result': epuidBindingResult,
  'lcs-audit': lcsAudit,
  'lcs-audited': lcsAudited,
  'lcs-cancel': lcsCancel,
  'lcs-cancelled': lcsCancelled,
  'lcs-end': lcsEnd,
  'lcs-report': lcsReport,
  'lcs-request': lcsRequest,
  'location-cause': locationCause,
  'location-information': locationInformation,
  'location-information-ack': locationInformationAck,
  'location-log': locationLog,
  'location-quality': locationQuality,
  'location-request': locationRequest,
  'location-result': locationResult,
  'mme-context': mmeContext,
  'mme-context-request': mmeContextRequest,
  'mo-lr': moLr,
  'mo-lr-position': moLrPosition,
  'mo-lr-result': moLrResult,
  place,
  'policy-query': policyQuery,
  'privacy-answer': privacyAnswer,
  'privacy-ask': privacyAsk,
  'privacy-notice': privacyNotice,
  'privacy-profile': privacyProfile,
  'privacy-profiles': privacyProfiles,
  'prose-context': proseContext,
  'prose-context-request': proseContextRequest,
  'prose-device': proseDevice,
  'prose-device-query': proseDeviceQuery,
  'prose-match': proseMatch,
  'prose-monitor': proseMonitor,
  'prose-registration': proseRegistration,
  'prose-registration-result': proseRegistrationResult,
  'prose-request': proseRequest,
  'prose-state': proseState,
  proximate,
  'proximate-users': proximateUsers,
  'proximity-diff': proximityDiff,
  'proximity-list': proximityList,
  'proximity-pair': proximityPair,
  'proximity-query': proximityQuery,
  'push-allocation': pushAllocation,
  'push-allocation-request': pushAllocationRequest,
  'push-application': pushApplication,
  'push-applications': pushApplications,
  'push-directory': pushDirectory,
  'push-identifier': pushIdentifier,
  'push-identifier-request': pushIdentifierRequest,
  'push-query': pushQuery,
  'push-routes': pushRoutes,
  'push-wake': pushWake,
  'ran-location-report': ranLocationReport,
  'ran-location-request': ranLocationRequest,
  'registration-code': registrationCode,
  'registration-code-request': registrationCodeRequest,
  'service-policy': servicePolicy,
  subscriber,
  'subscriber-location-report': subscriberLocationReport,
  'subscriber-location-report-ack': subscriberLocationReportAck,
  'subscriber-settings': subscriberSettings,
  'subscription-data': subscriptionData,
  'subscription-query': subscriptionQuery,
  'user-registration': userRegistration,
}
